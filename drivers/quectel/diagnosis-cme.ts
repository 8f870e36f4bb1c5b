import { type CodeTable, diagnosis } from "../../modules/diagnosis/table.js";

/** +CME ERROR below 100 (3GPP 27.007) that mean the same on every module of the family. */
export const SHARED_DEVICE_CODES: CodeTable = Object.freeze({
  11: diagnosis(
    "SIM PIN required",
    "The SIM is locked by its PIN.",
    "Switch the PIN request off in a telephone, or configure the PIN.",
  ),
  12: diagnosis(
    "SIM PUK required",
    "The PIN was entered wrongly three times.",
    "Unlock the SIM with its PUK in a telephone; ten wrong PUKs destroy it.",
  ),
  13: diagnosis(
    "SIM failure",
    "The SIM does not answer; the module says the same while its radio part is switched off (AT+CFUN=0).",
    "Send AT+CFUN=1 and wait. If it stays, clean the contacts, and try another SIM.",
  ),
  16: diagnosis(
    "incorrect password",
    "The PIN or password was wrong; after three wrong PINs the SIM asks for its PUK.",
    "Do not try again blindly: get the right PIN first.",
  ),
  21: diagnosis(
    "invalid index",
    "An entry was named that does not exist.",
    "Ask for the list first; entries count from 1 in most lists.",
  ),
  22: diagnosis(
    "not found",
    "What the command names does not exist.",
    "Check the name; names are case-sensitive.",
  ),
  25: diagnosis(
    "invalid characters in text",
    "A text parameter holds characters that are not allowed.",
    "Use printable ASCII without quotation marks.",
  ),
  26: diagnosis(
    "dial string too long",
    "A number to dial is longer than the manual allows.",
    "Shorten the number.",
  ),
  27: diagnosis(
    "invalid characters in dial string",
    "A number to dial holds characters that are no digits.",
    "Use digits, + and * or # alone.",
  ),
  31: diagnosis(
    "network timeout",
    "The network did not answer the module's request.",
    "Repeat it after a pause; look at the signal if it stays.",
  ),
  32: diagnosis(
    "network not allowed, emergency calls only",
    "No network accepts this SIM here: no roaming agreement, or the SIM is not activated.",
    "Ask the operator whether the SIM is active and which networks it may use in this country.",
  ),
  516: diagnosis(
    "GNSS has no fix",
    "The receiver has not found its position yet; without a view of the sky it never will.",
    "Give the GNSS antenna a free sky and several minutes. LTE and GNSS share the radio: data traffic stops a search.",
  ),
});
