import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, isAbsolute, join } from "node:path";

/**
 * The file of a command that is given by its name in the PATH, or by the path of its file.
 * Undefined if there is none. The folder that is open is never searched, as Windows would:
 * what is in it came with somebody's repository.
 */
export function find(command: string): string | undefined {
  if (command.startsWith("~/")) {
    command = join(homedir(), command.slice(2));
  }
  const named = basename(command) === command;
  const files = named ? inPath().map((folder) => join(folder, command)) : [command];
  return files
    .flatMap((file) => (process.platform === "win32" ? [file, file + ".exe"] : [file]))
    .find((file) => isAbsolute(file) && runs(file));
}

function inPath(): string[] {
  return (process.env.PATH ?? "").split(delimiter);
}

function runs(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
