// @vitest-environment happy-dom

import { beforeEach, describe, expect, test, vi } from "vitest";
import { listen } from "../src/data/loading";
import { csvOf } from "../src/parts/saving";
import { index, moment, readAddress, selection, unit } from "../src/state";
import { noteOf } from "../src/views/notes";
import { fileOf, listOf, notesIn, tableOf } from "../src/views/notes-file";
import { type Planted, planted, serve } from "./planted";

let given: Planted;
const CREATED = "2026-01-02T03:04:05.000Z";

beforeEach(() => {
	vi.restoreAllMocks();
	listen();
	given = planted();
	serve(given.chunks);
	index.value = given.index;
	readAddress("#moment=17&view.tab=images");
});

describe("notes", () => {
	test("of a selection and of a moment, as Python reads them", async () => {
		const first = noteOf("slows down", CREATED);
		selection.value = "event:apple:-1:0";
		unit.value = { layer: "memory", unit: 2 };
		const second = noteOf("looks, waits", CREATED);
		const file = await fileOf([first, second], given.index);
		expect(file).toEqual({
			retinoscope_notes: 1,
			identity: "planted",
			title: "A planted agent",
			notes: [
				{
					text: "slows down",
					created: CREATED,
					address: "#moment=17&view.tab=images",
					selection: "",
					moment: 17,
					unit: "",
					rows: [17],
					episodes: [1],
					steps: [2],
				},
				{
					text: "looks, waits",
					created: CREATED,
					address: "#moment=17&selection=event%3Aapple%3A-1%3A0&unit=memory%2F2&view.tab=images",
					selection: "event:apple:-1:0",
					moment: 17,
					unit: "memory/2",
					rows: [4, 5, 19, 20],
					episodes: [0, 0, 1, 1],
					steps: [4, 5, 4, 5],
				},
			],
		});
		expect(csvOf(tableOf(file)).split("\r\n").slice(0, 3)).toEqual([
			"note,text,created,unit,selection,row,episode,step",
			`0,slows down,${CREATED},,,17,1,2`,
			`1,"looks, waits",${CREATED},memory/2,event:apple:-1:0,4,0,4`,
		]);
		expect(notesIn(JSON.stringify(file), given.index)).toEqual([first, second]);
		readAddress("");
		readAddress(second.address);
		expect([moment.value, selection.value, unit.value?.unit]).toEqual([17, "event:apple:-1:0", 2]);
	});

	test("of other data, and files of other things, are refused in a line", () => {
		const other = { retinoscope_notes: 1, identity: "other", title: "<b>", notes: [] };
		expect(() => notesIn(JSON.stringify(other), given.index)).toThrow('These notes are of other data ("<b>").');
		expect(() => notesIn("{}", given.index)).toThrow(/holds no notes/);
		expect(() => notesIn("null", given.index)).toThrow(/holds no notes/);
		expect(() => notesIn("<html>", given.index)).toThrow(/no JSON/);
	});

	test("what is no note is left out, what a note says wrongly too", () => {
		const found = listOf([null, 3, { text: "x" }, { text: "x", address: "#moment=1", moment: 400, unit: 3 }], 40);
		expect(found).toEqual([{ text: "x", created: "", address: "#moment=1", selection: "", moment: null, unit: "" }]);
	});
});
