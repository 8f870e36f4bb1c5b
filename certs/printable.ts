/** Text from outside, a list, a device, a file's name, without what a terminal or a log would act on. */
export function printable(text: string, most = Infinity): string {
  // Control characters, and those that change the direction or the look of what follows.
  const plain = text.replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, "?");
  return plain.length > most ? `${plain.slice(0, most - 3)}...` : plain;
}
