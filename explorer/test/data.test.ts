// @vitest-environment happy-dom

import { beforeEach, describe, expect, test, vi } from "vitest";
import { bytesOf, decodeChunk, decodeCodes } from "../src/data/decoding";
import type * as Loading from "../src/data/loading";
import type { Activity, Column, Pictures } from "../src/data/schema";
import { type Planted, planted, ROWS, serve, Writer } from "./planted";

const column = (encoding: Column["encoding"], width: number, rest: Partial<Column> = {}): Column => ({
	path: "x",
	rows: 2,
	width,
	encoding,
	chunk_rows: 2,
	...rest,
});

describe("decoding", () => {
	test("codes are spread between low and high, the highest is no number", () => {
		expect([...decodeCodes(new Uint8Array([0, 127, 254, 255]), -1, 1)]).toEqual([-1, 0, 1, Number.NaN]);
		expect([...decodeCodes(new Uint16Array([0, 32767, 65534, 65535]), -1, 1)]).toEqual([-1, 0, 1, Number.NaN]);
	});

	test("each number of a row has its own range", () => {
		const found = decodeChunk(column("code8", 2, { low: [0, 10], high: [1, 20] }), new Uint8Array([254, 0, 255, 254]));
		expect([...found]).toEqual([1, 10, Number.NaN, 20]);
	});

	test.each(["float32", "int32", "uint8"] as const)("%s", (encoding) => {
		const writer = new Writer();
		const made = writer.column("x", [3, 0, 1, 250], 2, encoding);
		expect([...decodeChunk(made, bytesOf(writer.chunks.get("x/0") as string))]).toEqual([3, 0, 1, 250]);
	});
});

describe("loading", () => {
	let loading: typeof Loading;
	let given: Planted;
	let asked: string[];

	beforeEach(async () => {
		vi.restoreAllMocks();
		vi.resetModules();
		loading = await import("../src/data/loading");
		loading.listen();
		given = planted();
		asked = serve(given.chunks);
	});

	test("rows across the border of two chunks", async () => {
		const { value, variables } = given.index.recording ?? {};
		expect([...(await loading.readRows(value as Column, 15, 18))]).toEqual([1.5, 1.6, 1.7].map(Math.fround));
		expect([...(await loading.readRows(variables?.[1]?.column as Column, 15, 17))]).toEqual([15, -15, 16, -16]);
		expect([...(await loading.readRows(value as Column, 9, 9))]).toEqual([]);
	});

	test("a whole column, each chunk asked for once", async () => {
		const column = given.index.recording?.variables[0]?.column as Column;
		const found = await loading.readColumn(column);
		expect([...found]).toEqual(Array.from({ length: ROWS }, (_, row) => 100 - row));
		await loading.readColumn(column);
		await loading.readRows(column, 3, 30);
		expect(asked).toEqual(["variables/fuel/0", "variables/fuel/1", "variables/fuel/2"]);
	});

	test("one unit, in the middle of a group, over the borders of blocks", async () => {
		const activity = given.index.layers[1]?.activity as Activity;
		const found = await loading.readUnit(activity, 3);
		for (let row = 0; row < ROWS; row++) expect(found[row]).toBeCloseTo(row * 0.04, 3);
		expect((await loading.readUnit(activity, 3, 14, 34))[3]).toBeCloseTo(17 * 0.04, 3);
		expect((await loading.readUnit(activity, 5))[7]).toBeNaN();
		expect(asked).toHaveLength(6);
	});

	test("what is missing or cut short is said with its file, and can be had when it is there again", async () => {
		const column = given.index.recording?.value as Column;
		const whole = given.chunks.get("value/1") as string;
		given.chunks.delete("value/1");
		await expect(loading.readColumn(column)).rejects.toThrow(/explorer\/data\/value\/1\.js is missing/);
		given.chunks.set("value/1", whole.slice(0, 16));
		await expect(loading.readColumn(column)).rejects.toThrow(/value\/1\.js is damaged: 12 bytes, 64 expected/);
		given.chunks.set("value/1", "?!");
		await expect(loading.readColumn(column)).rejects.toThrow(/value\/1\.js is damaged; make/);
		given.chunks.set("value/1", "");
		await expect(loading.readColumn(column)).rejects.toThrow(/value\/1\.js is damaged; make/);
		given.chunks.set("value/1", whole);
		expect(await loading.readColumn(column)).toHaveLength(ROWS);
	});

	test("chunks inside of the page need no files", async () => {
		const block = document.createElement("script");
		block.type = "text/plain";
		block.dataset.path = "reward";
		block.dataset.chunk = "0";
		block.textContent = given.chunks.get("reward/0") as string;
		document.body.append(block);
		const found = await loading.readRows(given.index.recording?.reward as Column, 4, 7);
		block.remove();
		expect([...found]).toEqual([0, 1, 0]);
		expect(asked).toEqual([]);
	});

	test("where a picture lies in its sheet", () => {
		const frames = given.index.recording?.frames as Pictures;
		expect(loading.placeOf(frames, 0)).toEqual({ sheet: 0, left: 0, top: 0 });
		expect(loading.placeOf(frames, 22)).toEqual({ sheet: 1, left: 12, top: 4 });
	});
});
