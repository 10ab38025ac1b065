/** All tables of the page in one shape: those of analyses, the numbers of a layer's units, what could not be made. */

import { readColumn } from "../data/loading";
import type { Index, UnitNumbersPanel } from "../data/schema";
import { measuredOnly } from "./measured";
import type { Cell } from "./sorting";

export interface Known {
	name: string;
	title: string;
	group: string;
}

export interface Table {
	title: string;
	caption: string;
	columns: string[];
	rows: Cell[][];
	/** Of a row: which unit it is about; null for none. */
	unitOf: (row: readonly Cell[]) => { layer: string; unit: number } | null;
	/** Which moment, a row of the recording; null for none. */
	momentOf: (row: readonly Cell[]) => number | null;
}

export function tablesOf(index: Index): Known[] {
	const found: Known[] = [];
	for (const panel of index.panels)
		if (panel.kind === "table") found.push({ name: `table:${panel.name}`, title: panel.title, group: "Tables" });
	for (const { name, title } of allOf(index))
		if (numbersOf(index, name).length) found.push({ name: `units:${name}`, title, group: "Numbers of units" });
	if (index.not_made.length)
		found.push({ name: "not_made", title: "What could not be made, and why", group: "Analyses" });
	return found;
}

const allOf = (index: Index) => [...index.layers, ...measuredOnly(index)];

function numbersOf(index: Index, layer: string): UnitNumbersPanel[] {
	return index.panels.filter((each): each is UnitNumbersPanel => each.kind === "unit_numbers" && each.layer === layer);
}

/** A table by its name in `tablesOf`. */
export async function tableOf(index: Index, name: string): Promise<Table | null> {
	if (name === "not_made")
		return {
			title: "What could not be made, and why",
			caption: "",
			columns: ["analysis", "title", "reason"],
			rows: index.not_made.map(({ analysis, title, reason }) => [analysis, title, reason]),
			unitOf: () => null,
			momentOf: () => null,
		};
	if (name.startsWith("units:")) return numbersTable(index, name.slice(6));
	const panel = index.panels.find((each) => each.kind === "table" && `table:${each.name}` === name);
	if (panel?.kind !== "table") return null;
	const { title, caption, columns } = panel;
	// What is not finite comes as null.
	const rows = panel.rows.map((row) => row.map((cell): Cell => cell ?? Number.NaN));
	return { title, caption, columns, rows, unitOf: unitNamed(index, columns), momentOf: momentNamed(index, columns) };
}

/** Every number that was measured of a layer's units, side by side. */
async function numbersTable(index: Index, layer: string): Promise<Table | null> {
	const panels = numbersOf(index, layer);
	const known = allOf(index).find((each) => each.name === layer);
	if (!known || panels.length === 0) return null;
	const columns = await Promise.all(panels.map((each) => readColumn(each.values)));
	const rows = Array.from({ length: known.units }, (_, unit): Cell[] => [
		unit,
		...panels.flatMap((panel, i) =>
			panel.numbers.map((_number, j) => columns[i]?.[unit * panel.values.width + j] ?? Number.NaN),
		),
	]);
	const headings = panels.flatMap((panel) =>
		panel.numbers.map(({ title, units }) => (units ? `${title} (${units})` : title)),
	);
	return {
		title: `Numbers of the units of ${known.title}`,
		caption: [...new Set(panels.map((each) => each.title))].join(", "),
		columns: [known.quantity === "component" ? "component" : "unit", ...headings],
		rows,
		unitOf: ([unit]) => (typeof unit === "number" ? { layer, unit } : null),
		momentOf: () => null,
	};
}

/** Tables that name a row of the recording lead to that moment. */
function momentNamed(index: Index, columns: readonly string[]): Table["momentOf"] {
	const at = columns.findIndex((each) => each.trim().toLowerCase() === "row");
	const rows = index.recording?.rows ?? 0;
	return (row) => {
		const number = row[at];
		return typeof number === "number" && Number.isInteger(number) && number >= 0 && number < rows ? number : null;
	};
}

/** Tables that name a layer and a unit, or a component, lead to it. */
function unitNamed(index: Index, columns: readonly string[]): Table["unitOf"] {
	const at = (name: string) => columns.findIndex((each) => each.trim().toLowerCase() === name);
	const [layer, unit, component] = [at("layer"), at("unit"), at("component")];
	const isThere = (name: string, number: Cell | undefined): number is number =>
		typeof number === "number" &&
		Number.isInteger(number) &&
		allOf(index).some((each) => each.name === name && number < each.units);
	return (row) => {
		const name = layer >= 0 ? String(row[layer]) : "components";
		const number = row[layer >= 0 && unit >= 0 ? unit : component];
		return isThere(name, number) ? { layer: name, unit: number } : null;
	};
}
