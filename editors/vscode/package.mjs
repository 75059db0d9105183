// Writes what is in a .vsix into a folder: node package.mjs FOLDER VERSION
// packaging/vsix.sh runs this where the modules are installed, and packs the folder.

import { build } from "esbuild";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const [folder, version] = process.argv.slice(2);
const extension = `${folder}/extension`;
mkdirSync(extension);

const { metafile } = await build({
  entryPoints: ["src/extension.ts"],
  outfile: `${extension}/extension.js`,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20", // of VS Code 1.91
  external: ["vscode"],
  minify: true,
  legalComments: "none", // all licences are in a file
  metafile: true,
});

/** The licences and notices of the modules that are in the bundle. */
function licences() {
  const module = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//;
  const names = new Set(Object.keys(metafile.inputs).flatMap((file) => module.exec(file)?.[1] ?? []));
  return [...names].sort().map((name) => {
    const files = readdirSync(`node_modules/${name}`);
    const licences = files.filter((file) => /^licen[cs]e/i.test(file));
    if (licences.length !== 1) {
      throw new Error(`${name} has ${licences.length} licences`);
    }
    const notices = files.filter((file) => /notices?\b/i.test(file));
    const texts = [...licences, ...notices].map((file) => readFileSync(`node_modules/${name}/${file}`, "utf8").trim());
    return `${name}\n\n${texts.join("\n\n")}\n`;
  });
}

const { scripts, dependencies, devDependencies, ...manifest } = JSON.parse(readFileSync("package.json", "utf8"));
manifest.version = version;
const json = JSON.stringify(manifest, null, 2);
writeFileSync(`${extension}/package.json`, json + "\n");
writeFileSync(`${extension}/THIRD_PARTY_LICENSES`, licences().join("\n\n"));
for (const name of ["LICENSE", "README.md", "language-configuration.json", "syntaxes"]) {
  cpSync(name, `${extension}/${name}`, { recursive: true });
}

writeFileSync(
  `${folder}/[Content_Types].xml`,
  `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension=".js" ContentType="application/javascript"/>
  <Default Extension=".json" ContentType="application/json"/>
  <Default Extension=".md" ContentType="text/markdown"/>
  <Default Extension=".vsixmanifest" ContentType="text/xml"/>
  <Override PartName="/extension/LICENSE" ContentType="text/plain"/>
  <Override PartName="/extension/THIRD_PARTY_LICENSES" ContentType="text/plain"/>
</Types>
`,
);
writeFileSync(
  `${folder}/extension.vsixmanifest`,
  `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${manifest.name}" Version="${version}" Publisher="${manifest.publisher}"/>
    <DisplayName>${manifest.displayName}</DisplayName>
    <Description xml:space="preserve">${manifest.description}</Description>
    <Categories>${manifest.categories}</Categories>
    <License>extension/LICENSE</License>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value="${manifest.engines.vscode}"/>
    </Properties>
  </Metadata>
  <Installation>
    <InstallationTarget Id="Microsoft.VisualStudio.Code"/>
  </Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE" Addressable="true"/>
  </Assets>
</PackageManifest>
`,
);
