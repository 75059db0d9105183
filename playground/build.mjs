// Makes one page of everything: node build.mjs WASM WASM_EXEC PAGE
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [wasm, wasmExec, page] = process.argv.slice(2);
const read = (...path) => readFileSync(join(here, ...path), "utf8");

function bundle(file) {
  const built = buildSync({
    entryPoints: [join(here, "page", file)], bundle: true, minify: true, format: "iife", target: "es2022",
    charset: "utf8", legalComments: "none", write: false, absWorkingDir: here, logLevel: "warning",
  });
  return built.outputFiles[0].text;
}

// examples are those of testdata/policies/README.md, which sorts them by need.
function examples() {
  const folder = join("..", "testdata", "policies");
  const groups = [];
  for (const line of read(folder, "README.md").split("\n")) {
    const title = line.match(/^## (.*)/), row = line.match(/^\| (.*) \| \[(.*)\.knock\]/);
    if (title) groups.push({ title: title[1], examples: [] });
    if (!row) continue;
    const [, need, name] = row;
    const trace = name === "ssh" ? join("..", "testdata", "traces", "ssh.trace") : join(folder, `${name}.trace`);
    groups.at(-1).examples.push({
      need, name, policy: read(folder, `${name}.knock`),
      trace: read(trace).replace(/^policy .*\//m, "policy "),
    });
  }
  return groups.filter((g) => g.examples.length);
}

// inScript is what may stand in a script element.
const inScript = (text) => text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

const script = inScript(bundle("main.js"));
const hash = createHash("sha256").update(script).digest("base64");
const parts = {
  POLICY: [
    "default-src 'none'", `script-src 'sha256-${hash}' 'wasm-unsafe-eval' blob:`, "worker-src blob:",
    "style-src 'unsafe-inline'", "img-src data:", "base-uri 'none'", "form-action 'none'",
  ].join("; "),
  STYLE: read("..", "timeline", "style.css") + read("page", "style.css"),
  EXAMPLES: JSON.stringify(examples()).replaceAll("<", "\\u003c"),
  WORKER: inScript(readFileSync(wasmExec, "utf8") + bundle("worker.js")),
  WASM: gzipSync(readFileSync(wasm), { level: 9 }).toString("base64"),
  SCRIPT: script,
};
writeFileSync(page, read("page", "index.html").replace(/@([A-Z]+)@/g, (_, name) => parts[name]));
