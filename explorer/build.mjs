// One classic script and one style sheet, where the Python package ships them.
import { build } from "esbuild";

const out = process.argv[2] ?? "../src/retinoscope/page/explorer/bundle";

await build({
	entryPoints: { explorer: "src/main.tsx" },
	outdir: out,
	bundle: true,
	minify: true,
	format: "iife",
	target: ["es2022"],
	jsx: "automatic",
	jsxImportSource: "preact",
	legalComments: "eof",
	charset: "utf8",
});
