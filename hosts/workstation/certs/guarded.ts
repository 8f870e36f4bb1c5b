import { InputError } from "../../../certs/input-error.js";
import { printInputError } from "../simulate/print.js";

/** Runs a command's action, whose wrong input ends with 2 and three sentences. */
export async function guarded(
  json: boolean,
  done: (exitCode: number) => void,
  action: () => Promise<number>,
): Promise<void> {
  try {
    done(await action());
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    printInputError(error, json);
    done(2);
  }
}
