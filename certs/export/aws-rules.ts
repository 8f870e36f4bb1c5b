/** Longest provisioning template, in characters (AWS IoT API Reference, StartThingRegistrationTask). */
export const TEMPLATE_MOST = 10_240;

/** Shows a value without what would act on a terminal. */
function shown(text: string): string {
  const plain = text.replace(/\p{Cc}/gu, "?");
  return plain.length > 60 ? `${plain.slice(0, 57)}...` : plain;
}

/** Of a thing, a thing type or a thing group: `[a-zA-Z0-9:_-]+`, 1 to 128 (AWS IoT API Reference, CreateThing). */
export function thingNameFault(name: string, kind: string): string | undefined {
  return /^[a-zA-Z0-9:_-]{1,128}$/.test(name)
    ? undefined
    : `"${shown(name)}" is no AWS ${kind} (a-z A-Z 0-9 : _ - alone, 1 to 128)`;
}

/** `[\w+=,.@-]+`, 1 to 128 (AWS IoT API Reference, CreatePolicy). */
export function policyNameFault(name: string): string | undefined {
  return /^[\w+=,.@-]{1,128}$/.test(name)
    ? undefined
    : `"${shown(name)}" is no AWS IoT policy name (a-z A-Z 0-9 _ + = , . @ - alone, 1 to 128)`;
}

/** 20 to 2048 characters (AWS IoT API Reference, RegistrationConfig); the form is that of an IAM role. */
export function roleArnFault(arn: string): string | undefined {
  return arn.length >= 20 && arn.length <= 2048 && /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(arn)
    ? undefined
    : `"${shown(arn)}" is no ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)`;
}

/** Names: `[a-zA-Z0-9_.,@/:#-]+`, at most 128 (ThingAttribute); 3 without a thing type, 50 with one (AWS IoT Core quotas). */
export function attributeFault(names: readonly string[], hasType: boolean): string | undefined {
  const most = hasType ? 50 : 3;
  if (names.length > most)
    return `${names.length} attributes, and AWS takes ${most} ${hasType ? "with" : "without"} a thing type`;
  if (new Set(names).size < names.length) return "an attribute is named twice";
  const wrong = names.find(name => !/^[a-zA-Z0-9_.,@/:#-]{1,128}$/.test(name));
  return wrong === undefined ? undefined : `"${shown(wrong)}" is no AWS attribute name`;
}
