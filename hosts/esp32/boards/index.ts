import type { Board } from "./board.js";
import { devkitBc66 } from "./devkit-bc66.js";
import { devkitBg95 } from "./devkit-bg95.js";
import { qtopBg95 } from "./qtop-bg95.js";
import { s3Bg95 } from "./s3-bg95.js";
import { serial2Bg95 } from "./serial2-bg95.js";
import { uart2Bg95 } from "./uart2-bg95.js";

/** Every board, by which a configuration can choose. */
export const boards: readonly Board[] = Object.freeze([
  devkitBg95,
  devkitBc66,
  serial2Bg95,
  qtopBg95,
  s3Bg95,
  uart2Bg95,
]);
