/** Columns of a character with the space after it, and rows with the space below. */
export const CELL = { width: 6, height: 10 } as const;

/**
 * Rows from the top, five dots each, the highest bit at the left, as a digit of base 32; rows 8 and 9 lie
 * below the line. From blank to tilde (ASCII 32 to 126). Zero is crossed, one, l and I differ: serials are read aloud.
 */
const ROWS =
  "0000000 4444404 aaa0000 aavavaa 4fke5u4 op248j3 cik8lid 4480000 2488842 8422248 04lel40 044v440 00000c48 000v000 00000cc 01248g0 " +
  "ehjlphe 4c4444e eh1248v v2421he 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c 0cc0cc0 0cc0c48 248g842 00v0v00 8421248 eh12404 " +
  "eh1dlle ehhvhhh uhhuhhu ehggghe sihhhis vgguggv vgguggg ehgnhhf hhhvhhh e44444e 72222ic hikokih ggggggv hrllhhh hhpljhh ehhhhhe " +
  "uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla hha4ahh hhha444 v1248gv e88888e 0g84210 e22222e 4ah0000 0000000v " +
  "8420000 00e1fhf ggmphhu 00egghe 11djhhf 00ehvge 698s888 00fhhhf1e ggmphhh 40c444e 2062222ic ggikoki c44444e 00qllhh 00mphhh 00ehhhe " +
  "00uhhhugg 00fhhhf11 00mpggg 00ege1u 88s8896 00hhhjd 00hhha4 00hhlla 00ha4ah 00hhhhf1e 00v248v 2448442 4444444 8442448 0008l20";

const GLYPHS: readonly (readonly number[])[] = ROWS.split(" ").map(rows =>
  Array.from(rows, digit => parseInt(digit, 32)),
);

/** Rows of a character's dots; `undefined`: the font does not have it. */
export function glyphOf(character: string): readonly number[] | undefined {
  return character.length === 1 ? GLYPHS[character.charCodeAt(0) - 32] : undefined;
}
