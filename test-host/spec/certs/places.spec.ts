import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FactoryError } from "../../../certs/factory-error.js";
import { tryWriting, writeWhole } from "../../../certs/files/write.js";
import { InputError } from "../../../certs/input-error.js";
import { writePieces } from "../../../hosts/workstation/provision/write-pieces.js";

const FORCE = { force: true };

describe("places that files are written to", () => {
  let folder = "";
  const at = (name: string): string => join(folder, name);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xs-places-"));
    writeFileSync(at("file"), "somebody's");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const writers: readonly (readonly [string, (path: string, text: string) => Promise<void>])[] = [
    [
      "whole",
      (path, text) => {
        writeWhole(path, text, FORCE);
        return Promise.resolve();
      },
    ],
    ["in pieces", (path, text) => writePieces(path, [text], true)],
  ];
  for (const [how, write] of writers) {
    // With --force and the rights of root /dev/full had become a file.
    it(`${how}: a pipe is written into and stays one`, async () => {
      execFileSync("mkfifo", [at("pipe")]);
      const end = openSync(at("pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
      await write(at("pipe"), "text");
      const read = Buffer.alloc(8);
      assert.equal(read.toString("latin1", 0, readSync(end, read)), "text");
      closeSync(end);
      assert.ok(lstatSync(at("pipe")).isFIFO());
      assert.deepEqual(readdirSync(folder).sort(), ["file", "pipe"]);
    });

    it(`${how}: a full device is a full disk`, async () => {
      symlinkSync("/dev/full", at("full"));
      await assert.rejects(async () => write(at("full"), "text"), { code: "disk-full", side: "environment" });
      assert.ok(lstatSync(at("full")).isSymbolicLink() && lstatSync("/dev/full").isCharacterDevice());
    });

    it(`${how}: a symbolic link stays one, and what it leads to is replaced`, async () => {
      mkdirSync(at("deep"));
      symlinkSync("deep/target", at("link"));
      await write(at("link"), "first");
      await write(at("link"), "second");
      assert.ok(lstatSync(at("link")).isSymbolicLink());
      assert.equal(readFileSync(at("deep/target"), "utf8"), "second");
      assert.deepEqual(readdirSync(at("deep")), ["target"]);
    });

    it(`${how}: a folder is refused, forced or not`, async () => {
      mkdirSync(at("folder"));
      await assert.rejects(async () => write(at("folder"), "text"), /is a folder/);
    });

    it(`${how}: links that lead to one another are told`, async () => {
      symlinkSync("b", at("a"));
      symlinkSync("a", at("b"));
      await assert.rejects(
        async () => write(at("a"), "text"),
        (error: unknown) => error instanceof FactoryError && /symbolic links/.test(error.why),
      );
    });

    it(`${how}: below a file there is no folder`, async () => {
      await assert.rejects(async () => write(at("file/deep/x"), "text"), {
        code: "file",
        side: "environment",
        what: `${at("file/deep/x")} cannot be written (ENOTDIR)`,
      });
    });

    // mkdir -p of Node went round in it for ever.
    it(`${how}: a system that denies a folder is told at once`, async function () {
      if (process.platform !== "linux") this.skip();
      await assert.rejects(async () => write("/proc/none/x", "text"), { side: "environment" });
    });
  }

  it("a private key goes into no pipe by its name", () => {
    execFileSync("mkfifo", [at("pipe")]);
    assert.throws(() => writeWhole(at("pipe"), "SECRET", { force: true, secret: true }), InputError);
  });

  it("trying leaves nothing behind, and finds what would fail", () => {
    tryWriting(at("new/deep/report"), {});
    assert.deepEqual(readdirSync(folder), ["file"]);
    assert.throws(() => tryWriting(at("file"), {}), /is there already/);
    tryWriting(at("file"), FORCE);
    assert.equal(readFileSync(at("file"), "utf8"), "somebody's");
    assert.throws(() => tryWriting(at("file/x"), {}), { side: "environment" });
  });
});
