import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { ProvisioningError } from "../../../hosts/workstation/provisioning/error.js";
import { AnswerReader, requestLine } from "../../../hosts/workstation/provisioning/frames.js";
import { root, xsCellular } from "../cli/support.js";

const page = readFileSync(join(root, "docs", "provisioning.md"), "utf8");

/** Rows of the table under a heading: the names in the first column. */
function firstColumn(heading: string): string[] {
  const section = page.split(/^## /m).find(part => part.startsWith(heading)) ?? "";
  return [...section.matchAll(/^\| ((?:`[^`|]+`(?:, )?)+) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );
}

/** Words that a file of the device answers with. */
function refusalsIn(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/"no (\w+)"/g)].map(([, code = ""]) => code);
}

describe("docs/provisioning.md", function () {
  this.timeout(30_000);

  it("shows frames whose checksums are right", () => {
    const lines = [...page.matchAll(/^(#[<>]\d+ .*)$/gm)].map(([line]) => line);
    assert.equal(lines.length, 5);
    for (const line of lines)
      if (line.startsWith("#>")) {
        const [number = "", verb = "", ...rest] = line.slice(2).split(" ");
        assert.equal(requestLine(Number(number), verb, rest.slice(0, -1)), `${line}\n`);
      } else {
        let found = 0;
        new AnswerReader(() => found++).push(Buffer.from(`${line}\n`));
        assert.equal(found, 1, line);
      }
  });

  it("lists every request that the device knows, and no other", () => {
    const source = readFileSync(join(root, "modules/provisioning/verbs.ts"), "utf8");
    const known = [...source.matchAll(/case "(\w+)":/g)].map(([, verb = ""]) => verb);
    const named = firstColumn("Requests").map(text => text.split(" ")[0] ?? "");
    assert.deepEqual(named.sort(), known.sort());
  });

  it("lists every code, and each has its sentences", () => {
    const codes = new Set([
      ...refusalsIn("modules/provisioning/verbs.ts"),
      ...refusalsIn("modules/provisioning/session.ts"),
      ..."locked trial worn unconfirmed closed room write open ca certificate key empty over".split(" "),
    ]);
    const named = firstColumn("Codes");
    assert.deepEqual(named.sort(), [...codes].sort());
    for (const code of named) assert.equal(new ProvisioningError(code, "begin").code, code);
  });

  it("has every option of xs-cellular device, and no other", async () => {
    const { stdout } = await xsCellular(["device", "--help"]);
    const known = [...stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, name = ""]) => name);
    assert.deepEqual(firstColumn("Without hardware").sort(), known.sort());
  });

  it("shows TypeScript that the compiler takes", () => {
    const [, text = ""] = /^```typescript\n([\s\S]*?)^```$/m.exec(page) ?? [];
    const path = join(root, "docs", "example.ts");
    const { config } = ts.readConfigFile(join(root, "tsconfig.json"), file => ts.sys.readFile(file)) as {
      config: object;
    };
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
    const host = ts.createCompilerHost(options);
    const program = ts.createProgram([path], options, {
      ...host,
      fileExists: file => file === path || host.fileExists(file),
      getSourceFile: (file, version, ...rest) =>
        file === path ? ts.createSourceFile(file, text, version) : host.getSourceFile(file, version, ...rest),
    });
    const source = program.getSourceFile(path);
    const problems = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    assert.notEqual(text, "");
    assert.deepEqual(
      problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " ")),
      [],
    );
  });
});
