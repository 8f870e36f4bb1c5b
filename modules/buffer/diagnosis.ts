import { diagnosis, type DiagnosisRule } from "../diagnosis/table.js";

const commands: readonly string[] = Object.freeze(["journal"]);

/** What is known of failures of the flash journal. */
export const journalDiagnoses: readonly DiagnosisRule[] = Object.freeze([
  {
    kinds: ["storage"],
    commands,
    detail: "full",
    always: diagnosis(
      "journal full",
      "Every block of the partition holds messages that the broker has not acknowledged: more are made than sent, or there was no connection for long.",
      "See why nothing is sent; make fewer messages, or give the journal a larger partition.",
    ),
  },
  {
    kinds: ["storage"],
    commands,
    detail: "worn",
    always: diagnosis(
      "flash worn",
      "A block of the partition does not keep what is written to it; a block of NOR flash lives for about 100,000 erases.",
      "Store the message again: it goes into another block. If it comes often, use a larger partition, or replace the flash.",
    ),
  },
  {
    kinds: ["storage"],
    commands,
    detail: "payload",
    always: diagnosis(
      "payload ended early",
      "The payload gave fewer bytes than it had announced; the message was not stored.",
      "Correct the source of the payload: byteLength and what read gives have to agree.",
    ),
  },
  {
    kinds: ["storage"],
    commands,
    detail: "partition",
    always: diagnosis(
      "partition of no use",
      "The flash partition has no erase blocks of 64 to 65536 bytes.",
      "Check the partition table: the journal needs a data partition of whole erase blocks, two or more.",
    ),
  },
  {
    kinds: ["limit"],
    commands,
    detail: "entry",
    always: diagnosis(
      "message too long",
      "Topic and payload of a message have to fit into one block of flash together, less 28 bytes.",
      "Send it in parts, or without the journal.",
    ),
  },
  {
    kinds: ["limit"],
    commands,
    detail: "topic",
    always: diagnosis(
      "topic too long",
      "The topic does not fit into the journal's working buffer.",
      "Use shorter topics, or give the journal a larger buffer.",
    ),
  },
]);
