import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/**
 * Errors that TypeScript finds in a text, as if it stood in the file `name` of the project, with
 * the strict settings and the pure language that device code is checked with.
 */
export function typeErrors(root: string, name: string, text: string): readonly string[] {
  const configPath = join(root, "tsconfig.firmware.json");
  const config = ts.getParsedCommandLineOfConfigFile(
    configPath,
    { noEmit: true },
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: problem => {
        throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, "\n"));
      },
    },
  );
  if (config === undefined) throw new Error(`${configPath} cannot be read`);
  const path = join(root, name);
  const host = ts.createCompilerHost(config.options);
  const whole: ts.CompilerHost = {
    ...host,
    fileExists: file => file === path || host.fileExists(file),
    readFile: file => (file === path ? text : host.readFile(file)),
    getSourceFile: (file, version, ...rest) =>
      file === path ? ts.createSourceFile(file, text, version) : host.getSourceFile(file, version, ...rest),
  };
  const program = ts.createProgram([path], config.options, whole);
  const source = program.getSourceFile(path);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ messageText, start, file }) => {
      const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
      return `line ${String(line)}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    },
  );
}

export function readText(root: string, name: string): string {
  return readFileSync(join(root, name), "utf8");
}
