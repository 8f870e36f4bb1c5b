/**
 * Result codes of the TCP/IP commands (BG95 TCP(IP) Application Note, chapter on result codes; the BC66
 * has the same texts, its numbers are taken to be those of the family).
 */
export const socketErrors = {
  success: 0,
  unknown: 550,
  invalidParameters: 552,
  createFailed: 554,
  bindFailed: 556,
  openContextFailed: 561,
  identityUsed: 563,
  dnsFailed: 565,
  connectFailed: 566,
  socketClosed: 567,
  busy: 568,
  timeout: 569,
  notAllowed: 572,
  portBusy: 574,
} as const;
