import { expect, test } from "vitest";
import type { Index } from "../src/data/schema";
import { tableOf, tablesOf } from "../src/parts/tables";
import { nextSorting } from "../src/views/tables";

const INDEX = {
	layers: [{ name: "conv1", title: "First", units: 4, quantity: "activity" }],
	panels: [
		{
			kind: "table",
			name: "t",
			title: "T",
			caption: "",
			columns: ["Layer", "unit", "r"],
			rows: [
				["conv1", 2, null],
				["conv1", 9, 1],
				["x", 0, 1],
			],
		},
		{ kind: "table", name: "c", title: "C", caption: "", columns: ["component"], rows: [[1]] },
		{ kind: "table", name: "p", title: "P", caption: "", columns: ["kind", "row"], rows: [["stable", 7]] },
	],
	recording: { rows: 9 },
	not_made: [{ analysis: "a", title: "A", reason: "no <b>frames</b>" }],
} as unknown as Index;

test("tables of analyses, and what could not be made", async () => {
	expect(tablesOf(INDEX).map((each) => each.name)).toEqual(["table:t", "table:c", "table:p", "not_made"]);
	expect((await tableOf(INDEX, "not_made"))?.rows).toEqual([["a", "A", "no <b>frames</b>"]]);
	expect(await tableOf(INDEX, "table:none")).toBeNull();
});

test("rows that name a unit lead to it, if it is there", async () => {
	const table = await tableOf(INDEX, "table:t");
	expect(table?.rows.map(table.unitOf)).toEqual([{ layer: "conv1", unit: 2 }, null, null]);
	expect(table?.rows[0]?.[2]).toBeNaN();
	const components = await tableOf(INDEX, "table:c");
	expect(components?.unitOf([1])).toBeNull();
});

test("rows that name a moment lead to it, if it is in the recording", async () => {
	const table = await tableOf(INDEX, "table:p");
	expect(
		[
			["stable", 7],
			["slow", 9],
			["slow", -1],
			["slow", "7"],
		].map((row) => table?.momentOf(row)),
	).toEqual([7, null, null, null]);
	expect((await tableOf(INDEX, "table:t"))?.momentOf(["conv1", 2, 1])).toBeNull();
});

test("a heading sorts up, down, and not at all", () => {
	const up = nextSorting(null, 1);
	expect(up).toEqual({ column: 1, isDescending: false });
	expect(nextSorting(up, 1)).toEqual({ column: 1, isDescending: true });
	expect(nextSorting(nextSorting(up, 1), 1)).toBeNull();
	expect(nextSorting(up, 2)).toEqual({ column: 2, isDescending: false });
});
