import { execFile } from "node:child_process";
import { commands, type ExtensionContext, type LogOutputChannel, window, workspace } from "vscode";
import { LanguageClient } from "vscode-languageclient/node";
import { find } from "./find";

let output: LogOutputChannel;
let client: LanguageClient | undefined;
let turn = Promise.resolve(); // what starts and stops the client, one after the other

export function activate(context: ExtensionContext): Promise<void> {
  output = window.createOutputChannel("knockc", { log: true });
  context.subscriptions.push(
    output,
    commands.registerCommand("knockc.restart", restart),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("knockc.path")) {
        restart();
      }
    }),
  );
  return restart();
}

export function deactivate(): Promise<void> {
  return next(stop);
}

function restart(): Promise<void> {
  return next(async () => {
    await stop();
    await start();
  });
}

function next(work: () => Promise<void>): Promise<void> {
  turn = turn.then(work).catch((error) => output.error(error));
  return turn;
}

async function start(): Promise<void> {
  const path = workspace.getConfiguration("knockc").get("path", "knockc");
  const command = find(path);
  if (command === undefined) {
    return complain(
      path === "knockc"
        ? "The command knockc is not in the PATH. Install it, or say in the setting knockc.path where it is."
        : `The setting knockc.path says ${path}, but there is no such command.`,
    );
  }
  if (!(await serves(command))) {
    return complain(`${command} has no language server. Install a newer version of knockc.`);
  }
  client = new LanguageClient(
    "knockc",
    "knockc",
    { command, args: ["lsp"] },
    {
      documentSelector: ["file", "untitled"].flatMap((scheme) => [
        { scheme, language: "knock" },
        { scheme, language: "knocktrace" },
      ]),
      outputChannel: output,
    },
  );
  await client.start();
}

async function stop(): Promise<void> {
  const stopping = client;
  client = undefined;
  if (stopping?.isRunning()) {
    await stopping.dispose();
  }
}

/** Says what keeps the server from starting. Those who see it can restart it afterwards. */
function complain(problem: string): void {
  const message = `${problem} Then run “knockc: Restart Server”.`;
  output.error(message);
  const settings = "Open Settings";
  void window.showErrorMessage(message, settings).then((choice) => {
    if (choice === settings) {
      void commands.executeCommand("workbench.action.openSettings", "knockc.path");
    }
  });
}

/** Whether a version of knockc is one that has the command lsp. */
function serves(command: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(command, ["help", "lsp"], (error) => resolve(error === null));
  });
}
