/** Why something could not be done with a device: the device's own word for it, or the workstation's. */
export type ProvisioningCode =
  | keyof typeof SENTENCES
  /** A word that a newer firmware may use. */
  | "unknown";

interface Sentences {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

const WRONG_KIND = {
  what: "the object is not what its place wants: a key where a certificate belongs, or the reverse",
  why: "The device looks at what it was given before it uses it.",
  fix: "Begin the slot anew with the objects in their places, DER, one certificate each.",
} as const;

const CUT_OFF = {
  what: "{verb} does not fit the object that is being written",
  why: "An object is still open, or none is.",
  fix: "Run again: the slot is begun anew where it has to be.",
} as const;

const WORN = {
  what: "the device could not write or read its credential store",
  why: "The partition is missing, worn out, or lost its power meanwhile.",
  fix: "Check the partition table and the supply, then run again.",
} as const;

/** Sentences for people, by code. `{verb}` stands for what was asked for. */
const SENTENCES = {
  // The device's words.
  syntax: {
    what: "the device could not make sense of the request {verb}",
    why: "Tool and firmware do not agree on the form of this request.",
    fix: "Use the tool of the firmware's version, or build the firmware anew.",
  },
  verb: {
    what: "the device does not know the request {verb}",
    why: "Its firmware is older than this tool.",
    fix: "Build the firmware anew, or use the tool of its version.",
  },
  order: {
    what: "the device has begun anew in the middle of the work, or another program speaks to it",
    why: "It restarted, lost its power for a moment, or somebody else opened the same port.",
    fix: "Close other programs on this port and run again: what is whole in the device stays.",
  },
  busy: {
    what: "the device is still working on an earlier request",
    why: "A key is being made, or used; that takes seconds on a small processor.",
    fix: "Wait a little and run again.",
  },
  locked: {
    what: "the device is locked: {verb} was refused",
    why: "A lock is for ever; nothing in its credential store can be changed through the console.",
    fix: "Verify what it holds. Credentials of a locked device are replaced with the whole device.",
  },
  nothing: {
    what: "there is nothing in the device for {verb}",
    why: "No slot was begun, or the object is not stored.",
    fix: "Begin, and write what is missing.",
  },
  open: CUT_OFF,
  write: CUT_OFF,
  over: CUT_OFF,
  closed: {
    what: "the device holds that object already in the slot that is being filled",
    why: "Flash takes an object once; another one needs an erased slot.",
    fix: "Begin the slot anew.",
  },
  room: {
    what: "the object does not fit into the device's credential store",
    why: "Certificates with long chains or RSA-4096 keys may exceed the partition's slot.",
    fix: "Use smaller credentials, or build the firmware with a larger partition.",
  },
  place: {
    what: "the device and the tool disagree on how much of the object has arrived",
    why: "Data was lost in a way that repeating did not mend.",
    fix: "Run again; look at cable and baud rate when it happens more than once.",
  },
  digest: {
    what: "what arrived in the device is not what was sent",
    why: "The checksum of the whole object differs.",
    fix: "Run again; look at cable and baud rate when it happens more than once.",
  },
  kind: WRONG_KIND,
  ca: WRONG_KIND,
  certificate: WRONG_KIND,
  key: WRONG_KIND,
  unusable: {
    what: "the device cannot use the stored private key",
    why: "It knows RSA and P-256 keys in PKCS#8.",
    fix: "Use such a key.",
  },
  mismatch: {
    what: "the certificate in the device does not belong to its private key",
    why: "They are of different units, or the certificate was issued for an older key.",
    fix: "Begin the slot anew with a certificate for this key.",
  },
  empty: {
    what: "there is nothing in the slot that could be put in use",
    why: "No object was written whole since the slot was begun.",
    fix: "Write the objects, then commit.",
  },
  trial: {
    what: "the device keeps its former credentials until the new ones have connected",
    why: "What was written last is on trial, and would be left alone without those before it.",
    fix: "Let it connect, or confirm it; or restart it until it goes back to the former ones.",
  },
  unable: {
    what: "this device cannot do {verb}",
    why: "Its platform makes no keys, cannot use them, or cannot restart itself.",
    fix: "Make the key on the workstation and transfer it; restart the device by hand.",
  },
  failed: {
    what: "the device tried {verb} and failed",
    why: "Its arithmetic or its random numbers gave nothing usable.",
    fix: "Run again; a device that fails more than once is defective.",
  },
  unconfirmed: {
    what: "the device refuses to be locked: its credentials are not confirmed",
    why: "A lock on credentials that never worked would leave a device that cannot be mended.",
    fix: "Let it connect once, or confirm after the proof of possession; then lock.",
  },
  storage: WORN,
  worn: WORN,
  secret: {
    what: "the device does not give that object back",
    why: "Private keys go in and never come out.",
    fix: "Ask for a proof of possession instead.",
  },
  // The workstation's words.
  silent: {
    what: "the device does not answer",
    why: "No firmware with provisioning listens on this port, the cable is out, or the baud rate is another one.",
    fix: "Check port, cable, supply and baud rate; another program may hold the port.",
  },
  gone: {
    what: "the connection to the device ended",
    why: "The port disappeared: a cable was pulled, or an adapter restarted.",
    fix: "Plug it in and run again: what is whole in the device stays.",
  },
  restart: {
    what: "the device did not restart",
    why: "It answered that it would, and the same run of its firmware answers still.",
    fix: "Restart it by hand, by its reset button or its supply, and run again.",
  },
  version: {
    what: "the device speaks another version of the provisioning protocol",
    why: "Tool and firmware are of different ages.",
    fix: "Use the tool of the firmware's version.",
  },
  malformed: {
    what: "the device's answer to {verb} lacks what it should tell",
    why: "Tool and firmware do not agree on the form of this answer.",
    fix: "Use the tool of the firmware's version.",
  },
  proof: {
    what: "the device could not prove that it holds the private key",
    why: "The signature over a fresh nonce does not fit the public key or certificate.",
    fix: "Do not ship this unit; provision it anew, and look at its store when it happens again.",
  },
  request: {
    what: "the certificate request of the device is not in order",
    why: "Its signature, its name or its key is not what was asked for.",
    fix: "Do not issue for it; run again, and look at the firmware when it happens again.",
  },
  different: {
    what: "the device holds something else than was written",
    why: "What was read back differs.",
    fix: "Run again; a device that fails more than once has a bad flash.",
  },
} as const satisfies Readonly<Record<string, Sentences>>;

function isKnown(code: string): code is keyof typeof SENTENCES {
  return Object.hasOwn(SENTENCES, code);
}

/** A request failed. Three sentences for people; none ever holds key material. */
export class ProvisioningError extends Error {
  override readonly name = "ProvisioningError";
  readonly code: ProvisioningCode;
  /** What was asked for. */
  readonly verb: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;

  constructor(code: string, verb: string) {
    const known = isKnown(code);
    const sentences: Sentences = known
      ? SENTENCES[code]
      : {
          // The word is the device's own: nothing that a terminal would act on.
          what: `the device refused {verb} with the code ${/^[\w-]{1,32}$/.test(code) ? code : "(unreadable)"}`,
          why: "This tool does not know the code: the firmware is newer.",
          fix: "Use the tool of the firmware's version.",
        };
    const what = sentences.what.replace("{verb}", verb);
    super(what);
    this.code = known ? code : "unknown";
    this.verb = verb;
    this.what = what;
    this.why = sentences.why;
    this.fix = sentences.fix;
  }
}
