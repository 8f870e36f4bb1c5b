import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peer } from "../cli/support.js";

const LIBRARIES = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
  "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

export const TOKEN = "factory";
export const PIN = "2468";

/** A token of SoftHSM, a real PKCS#11 library, with its storage in a folder of its own. */
export class SoftToken {
  readonly path = mkdtempSync(join(tmpdir(), "xs-token-"));
  readonly library: string;
  readonly #before = process.env["SOFTHSM2_CONF"];
  readonly #util: string;
  readonly #tool: string;

  /** The suite is skipped where SoftHSM or OpenSC is not installed. */
  constructor(suite: Mocha.Context) {
    this.#util = peer(suite, "softhsm2-util");
    this.#tool = peer(suite, "pkcs11-tool");
    const library = LIBRARIES.find(existsSync);
    if (library === undefined) {
      if (process.env["XS_CELLULAR_REQUIRE_PEERS"] === "1")
        throw new Error("libsofthsm2.so is not installed");
      suite.skip();
    }
    this.library = library;
    mkdirSync(join(this.path, "tokens"));
    const conf = join(this.path, "softhsm2.conf");
    writeFileSync(
      conf,
      `directories.tokendir = ${this.path}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    // SoftHSM reads it when the library is started, in this process too.
    process.env["SOFTHSM2_CONF"] = conf;
    this.addToken(TOKEN);
  }

  addToken(label: string): void {
    execFileSync(
      this.#util,
      ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "13579"],
      {
        stdio: "pipe",
      },
    );
  }

  /** Puts a key (PKCS#8, PEM file) into the token. */
  importKey(file: string, label: string, id: string): void {
    execFileSync(
      this.#util,
      ["--import", file, "--token", TOKEN, "--label", label, "--id", id, "--pin", PIN],
      { stdio: "pipe" },
    );
  }

  /** OpenSC's pkcs11-tool, logged in. */
  tool(...args: readonly string[]): string {
    return execFileSync(
      this.#tool,
      ["--module", this.library, "--token-label", TOKEN, "--login", "--pin", PIN, ...args],
      { stdio: "pipe" },
    ).toString();
  }

  /** As if it were unplugged. */
  pullOut(): void {
    rmSync(join(this.path, "tokens"), { recursive: true });
    mkdirSync(join(this.path, "tokens"));
  }

  remove(): void {
    if (this.#before === undefined) delete process.env["SOFTHSM2_CONF"];
    else process.env["SOFTHSM2_CONF"] = this.#before;
    rmSync(this.path, { recursive: true });
  }
}
