/** Texts of AT+QIGETERROR as the firmware has them, misspellings included; the numbers are the family's. */
const socketErrorTexts: ReadonlyMap<number, string> = new Map([
  [0, "operate successfully"],
  [550, "unknow error"],
  [551, "operate blocked"],
  [552, "invalid parameters"],
  [553, "memory not enough"],
  [554, "create socket failed"],
  [555, "operate not supported"],
  [556, "socket bind failed"],
  [557, "socket listen failed"],
  [558, "socket write failed"],
  [559, "socket read failed"],
  [560, "socket accept failed"],
  [561, "open pdp context failed"],
  [562, "close pdp context failed"],
  [563, "socket indentity has been used"],
  [564, "dns busy"],
  [565, "dns parse failed"],
  [566, "socket connect failed"],
  [567, "socket has been closed"],
  [568, "operation busy"],
  [569, "operation timeout"],
  [570, "pdp context break down"],
  [571, "cancel send"],
  [572, "operation not allowed"],
  [573, "apn not configured"],
  [574, "port busy"],
]);

export function socketErrorText(code: number): string {
  return socketErrorTexts.get(code) ?? "unknow error";
}

const equipmentErrors: ReadonlyMap<number, string> = new Map([
  [3, "operation not allowed"],
  [4, "operation not supported"],
  [10, "USIM not inserted"],
  [11, "USIM PIN required"],
  [12, "USIM PUK required"],
  [13, "USIM failure"],
  [14, "USIM busy"],
  [16, "incorrect password"],
  [20, "USIM memory full"],
  [23, "memory failure"],
  [24, "text string too long"],
  [25, "invalid characters in text string"],
  [30, "no network service"],
  [31, "network timeout"],
  [32, "emergency calls only"],
  [50, "bad parameters"],
  [100, "unknown"],
  [596, "bad cid"],
  [765, "invalid input value"],
  [766, "unsupported value or mode"],
  [767, "operation failed"],
  [840, "no service"],
  [841, "in cell search"],
  [846, "in PSM"],
]);

export function equipmentErrorText(code: number): string {
  return equipmentErrors.get(code) ?? "unknown";
}
