import { type CodeTable, diagnosis } from "../../modules/diagnosis/table.js";
import { SHARED_DEVICE_CODES } from "../quectel/diagnosis-cme.js";

const PERSONALISED = "The module or SIM is locked to another operator, network or company (personalisation).";
const UNLOCK =
  "Use a SIM of the operator that the device is locked to, or have the lock removed by whoever sold it.";
const STORE_AGAIN = "List the files (AT+QFLST), delete what is not needed, and store the credential again.";

function locked(name: string): ReturnType<typeof diagnosis> {
  return diagnosis(name, PERSONALISED, UNLOCK);
}

/** +CME ERROR below 100 (Quectel BG95 AT Commands Manual V2.0; 3GPP 27.007). */
const DEVICE_CODES: CodeTable = Object.freeze({
  ...SHARED_DEVICE_CODES,
  0: diagnosis(
    "phone failure",
    "The module's own software failed; with AT+CFUN=1 it was seen on modules with damaged calibration data.",
    "Restart the module. If it comes back each time, the module has to be restored or replaced.",
  ),
  1: diagnosis(
    "no connection to phone",
    "The module's processor for AT commands has no contact to its radio.",
    "Restart the module; wait for APP RDY before the first command.",
  ),
  3: diagnosis(
    "operation not allowed",
    "The command does not fit the present state, for example a context that is changed while it is active, or a command before APP RDY.",
    "Wait for APP RDY; deactivate the context before changing it.",
  ),
  4: diagnosis(
    "operation not supported",
    "This firmware or this variant of the module does not have the function.",
    "Ask AT+QGMR for the version, and compare with its manual.",
  ),
  10: diagnosis(
    "SIM not inserted",
    "The module sees no SIM card: none there, not pushed in, or the holder's contacts or the detection pin are at fault.",
    "Push the SIM in until it holds; check its direction, and AT+QSIMDET where the holder has no switch.",
  ),
  14: diagnosis(
    "SIM busy",
    "The module is still reading the SIM after start-up.",
    "Wait for +QIND: SMS DONE or a few seconds, then ask again.",
  ),
  15: diagnosis(
    "SIM wrong",
    "The card is not a SIM that this module can use.",
    "Try another SIM, of the operator and technology (LTE-M, NB-IoT) that the device is meant for.",
  ),
  17: diagnosis(
    "SIM PIN2 required",
    "The command needs the SIM's second PIN.",
    "Leave the function out, or enter PIN2; normal operation does not need it.",
  ),
  18: diagnosis(
    "SIM PUK2 required",
    "PIN2 was entered wrongly three times.",
    "Unlock with PUK2; normal operation does not need it.",
  ),
  20: diagnosis(
    "memory full",
    "The SIM's or module's storage for this kind of entry is full.",
    "Delete old entries, SMS above all (AT+CMGD=1,4).",
  ),
  23: diagnosis(
    "memory failure",
    "The module could not read or write its own memory; seen with AT+CGSN on modules with damaged calibration data.",
    "Restart the module. If it comes back, the module has to be restored or replaced.",
  ),
  24: diagnosis(
    "text string too long",
    "A text parameter is longer than the manual allows.",
    "Shorten it; host names up to 150 and file names up to 80 characters are taken.",
  ),
  30: diagnosis(
    "no network service",
    "The module is not registered, or the cell gives it no service.",
    "Look at AT+CEREG? and AT+QCSQ; check antenna and coverage of LTE-M or NB-IoT.",
  ),
  40: locked("network personalisation PIN required"),
  41: locked("network personalisation PUK required"),
  42: locked("network subset personalisation PIN required"),
  43: locked("network subset personalisation PUK required"),
  44: locked("service provider personalisation PIN required"),
  45: locked("service provider personalisation PUK required"),
  46: locked("corporate personalisation PIN required"),
  47: locked("corporate personalisation PUK required"),
});

/** +CME ERROR 400 to 426 of the file system (Quectel FILE Application Note). */
const FILE_CODES: CodeTable = Object.freeze({
  400: diagnosis(
    "invalid input value",
    "A parameter of a file command is out of range.",
    "Compare name, size and timeout with the manual: size at least 1, timeout 1 to 65535 seconds.",
  ),
  401: diagnosis(
    "larger than the file",
    "More was asked for than the file holds.",
    "Ask for its size first (AT+QFLST).",
  ),
  402: diagnosis(
    "zero bytes read",
    "The file is empty or its end was reached.",
    "Look at the file's size (AT+QFLST); store the file again if it should not be empty.",
  ),
  403: diagnosis("drive full", "The module's file system has no room left.", STORE_AGAIN),
  405: diagnosis(
    "file not found",
    "The file is not on the module: it was never stored, was deleted, or is called otherwise.",
    "Compare with the names that AT+QFLST lists, and store it (again).",
  ),
  406: diagnosis(
    "invalid file name",
    "The name is longer than 80 bytes or holds characters that are not allowed.",
    "Use a short name of letters, digits, dot and hyphen.",
  ),
  407: diagnosis(
    "file exists already",
    "AT+QFUPL does not replace a file.",
    "Delete the old one first (AT+QFDEL).",
  ),
  409: diagnosis("file write failed", "The module's flash did not take the data.", STORE_AGAIN),
  410: diagnosis(
    "file open failed",
    "The file is missing or open elsewhere.",
    "Close its handle (AT+QFCLOSE), or restart the module, and look for the name in AT+QFLST.",
  ),
  411: diagnosis(
    "file read failed",
    "The module's flash did not give the data back.",
    "Store the file again; if it stays, the module's flash is at fault.",
  ),
  413: diagnosis(
    "too many open files",
    "No file handle is left.",
    "Close handles that are not needed (AT+QFCLOSE); a restart closes all.",
  ),
  414: diagnosis(
    "file is read-only",
    "The file was opened for reading only, or belongs to the module itself.",
    "Open it for writing, or use another name.",
  ),
  416: diagnosis(
    "invalid file handle",
    "The handle was closed, or the module has restarted since.",
    "Open the file again.",
  ),
  417: diagnosis(
    "file list failed",
    "The module could not read its directory.",
    "Restart the module and ask again.",
  ),
  418: diagnosis(
    "file delete failed",
    "The file is open or in use by a TLS context.",
    "Close connections and handles that use it, then delete it.",
  ),
  419: diagnosis(
    "drive information failed",
    "The module could not tell how much room there is.",
    "Restart the module and ask again; the file commands themselves may still work.",
  ),
  420: diagnosis("no space", "The file does not fit into the room that is left.", STORE_AGAIN),
  421: diagnosis(
    "file operation timed out",
    "Fewer bytes arrived than were announced: bytes were lost on the serial line, or the sender stopped.",
    "Use flow control, or send in smaller pieces; announce exactly as many bytes as are sent.",
  ),
  423: diagnosis(
    "file too large",
    "The announced size is above what the module takes.",
    "Certificates and keys have a few kilobytes: check that the right file is stored, as a single certificate.",
  ),
  425: diagnosis(
    "invalid parameter",
    "A parameter of a file command is missing or of the wrong kind.",
    "Compare the command with the manual; names stand in quotation marks, numbers do not.",
  ),
  426: diagnosis(
    "file already opened",
    "The file is open under another handle.",
    "Close it (AT+QFCLOSE) first.",
  ),
});

export const CME_CODES: CodeTable = Object.freeze({ ...DEVICE_CODES, ...FILE_CODES });

/** +CMS ERROR of SMS commands (3GPP 27.005, 3.2.5). */
export const CMS_CODES: CodeTable = Object.freeze({
  300: diagnosis("module failure", "The module's SMS part failed.", "Restart the module."),
  301: diagnosis(
    "SMS service reserved",
    "The SMS service is in use by something else.",
    "Wait, then repeat the command.",
  ),
  302: diagnosis(
    "operation not allowed",
    "The command does not fit the SMS part's present state.",
    "Wait for +QIND: SMS DONE after start-up.",
  ),
  303: diagnosis(
    "operation not supported",
    "This module does not have the SMS function, or the network has no SMS for this technology.",
    "Use a SIM and network with SMS, or leave SMS out: data need none.",
  ),
  304: diagnosis(
    "invalid PDU parameter",
    "The message in PDU form is not well-formed.",
    "Check its lengths and numbers, or use text mode (AT+CMGF=1).",
  ),
  305: diagnosis(
    "invalid text parameter",
    "A parameter of text mode is wrong.",
    "Compare the command with the manual.",
  ),
  310: diagnosis("SIM not inserted", "The module sees no SIM card.", "Push the SIM in until it holds."),
  311: diagnosis(
    "SIM PIN required",
    "The SIM is locked by its PIN.",
    "Switch the PIN request off in a telephone, or configure the PIN.",
  ),
  312: diagnosis("device is locked to another SIM", PERSONALISED, UNLOCK),
  313: diagnosis("SIM failure", "The SIM does not answer.", "Clean the contacts, and try another SIM."),
  314: diagnosis(
    "SIM busy",
    "The module is still reading the SIM.",
    "Wait for +QIND: SMS DONE, then repeat the command.",
  ),
  315: diagnosis("SIM wrong", "The card is not a SIM that this module can use.", "Try another SIM."),
  316: diagnosis(
    "SIM PUK required",
    "The PIN was entered wrongly three times.",
    "Unlock the SIM with its PUK in a telephone.",
  ),
  317: diagnosis(
    "SIM PIN2 required",
    "The command needs the SIM's second PIN.",
    "Enter PIN2, or leave the function out.",
  ),
  318: diagnosis("SIM PUK2 required", "PIN2 was entered wrongly three times.", "Unlock with PUK2."),
  320: diagnosis(
    "memory failure",
    "The storage for messages could not be read or written.",
    "Choose another storage (AT+CPMS), or restart the module.",
  ),
  321: diagnosis(
    "invalid memory index",
    "The message that was named does not exist.",
    "Ask for the list first (AT+CMGL).",
  ),
  322: diagnosis("memory full", "The storage for messages is full.", "Delete old messages (AT+CMGD=1,4)."),
  330: diagnosis(
    "service centre unknown",
    "The SIM holds no address of a service centre.",
    "Set it with AT+CSCA as the operator says.",
  ),
  331: diagnosis("no network service", "The module is not registered.", "Look at AT+CEREG? and AT+QCSQ."),
  332: diagnosis("network timeout", "The network did not answer.", "Repeat it after a pause."),
});
