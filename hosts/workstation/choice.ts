import { InputError } from "../../certs/input-error.js";

/** Why a name that is not listed is refused, by what the option chooses. */
export const CHOICE_OF = {
  simulated: "Only what is listed can be simulated.",
  built: "Only what is listed can be built.",
  known: "Only what is listed is known here.",
} as const;

/**
 * The one of `choices` that was given for an option. `why`: the sentence for everything else.
 * @throws InputError
 */
export function choice<T extends string>(
  option: string,
  given: string,
  choices: readonly T[],
  why: string,
): T {
  const found = choices.find(one => one === given);
  if (found !== undefined) return found;
  throw new InputError({
    what: `${option} ${given} is not known`,
    why,
    fix: `Use one of: ${choices.join(", ")}.`,
    file: option,
  });
}
