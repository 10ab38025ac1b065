/**
 * A selection of moments is a recipe: a short text that fits into an address and always gives the same moments of the
 * same recording.
 *
 *     rows:120-339,560-599                 moments, first and last of each stretch
 *     episode:3                            all moments of an episode
 *     event:NAME:-8:8                      moments around every event of a class
 *     unit:LAYER:UNIT:LOW:HIGH             where a unit's activity lies in [LOW, HIGH]; also of components
 *     variable:NAME:LOW:HIGH               the same of a variable, of its first number ("value" and "reward" too)
 *     points:PANEL:x,y;x,y;...             points of an embedding inside of a polygon
 *     examples:PANEL:UNIT:SCOPE:LEVEL      all moments of the samples in a list
 *
 * Names are escaped as in addresses. `a|b` is what is in either, `a&b` what is in both; & binds more strongly.
 */

import { episodeOf } from "./data/episodes";
import { readColumn, readRows, readUnit } from "./data/loading";
import type { ExamplesPanel, Index, PointsPanel } from "./data/schema";

/** A recipe that means nothing here; the message is for people. */
export class BadRecipe extends Error {}

export const named = (name: string): string => encodeURIComponent(name);

function nameOf(text: string | undefined): string {
	try {
		return decodeURIComponent(text ?? "");
	} catch {
		throw new BadRecipe(`"${text}" is no name that this page understands.`);
	}
}

export function recipeOfRows(rows: ArrayLike<number>): string {
	const parts: string[] = [];
	let start = -1;
	for (let i = 0; i < rows.length; i++) {
		const row = rows[i] as number;
		if (start < 0) start = row;
		if (i + 1 === rows.length || rows[i + 1] !== row + 1) {
			parts.push(start === row ? `${row}` : `${start}-${row}`);
			start = -1;
		}
	}
	return parts.length ? `rows:${parts.join(",")}` : "";
}

/** Moments, ascending, each once. */
export async function evaluate(recipe: string, index: Index): Promise<Int32Array> {
	const rows = index.recording?.rows ?? 0;
	if (!recipe || !rows) return new Int32Array(0);
	const all = new Uint8Array(rows);
	for (const either of recipe.split("|")) {
		const parts = await Promise.all(either.split("&").map((one) => marksOf(one, index, rows)));
		const [first, ...others] = parts as [Uint8Array, ...Uint8Array[]];
		for (let i = 0; i < rows; i++) if (first[i] && others.every((part) => part[i])) all[i] = 1;
	}
	return rowsOf(all);
}

export function rowsOf(marks: Uint8Array): Int32Array {
	let count = 0;
	for (const mark of marks) count += mark;
	const found = new Int32Array(count);
	let at = 0;
	for (let i = 0; i < marks.length; i++) if (marks[i]) found[at++] = i;
	return found;
}

async function marksOf(recipe: string, index: Index, rows: number): Promise<Uint8Array> {
	const [kind, ...rest] = recipe.split(":");
	const marks = new Uint8Array(rows);
	switch (kind) {
		case "rows":
			for (const part of (rest[0] ?? "").split(",")) {
				const [first, last] = part.split("-").map(Number);
				mark(marks, number(first, recipe), number(last ?? first, recipe));
			}
			return marks;
		case "episode": {
			const episode = index.recording?.episodes[number(Number(rest[0]), recipe)];
			if (!episode) throw new BadRecipe(`There is no episode ${rest[0]} in this recording.`);
			mark(marks, episode.start, episode.stop - 1);
			return marks;
		}
		case "event": {
			const name = nameOf(rest[0]);
			const event = index.recording?.events.find((each) => each.name === name);
			if (!event) throw new BadRecipe(`This recording knows no event "${name}".`);
			const [before, after] = [Number(rest[1] ?? 0), Number(rest[2] ?? 0)];
			for (const row of await readColumn(event.rows)) markWithin(marks, row + before, row + after, row, index);
			return marks;
		}
		case "unit": {
			const layer = index.layers.find((each) => each.name === nameOf(rest[0]));
			const unit = Number(rest[1]);
			if (!layer || !(unit >= 0 && unit < layer.units))
				throw new BadRecipe(`There is no unit ${rest[1]} of a layer "${nameOf(rest[0])}" here.`);
			return between(await readUnit(layer.activity, unit), rest[2], rest[3], recipe);
		}
		case "variable":
			return between(await variable(index, nameOf(rest[0])), rest[1], rest[2], recipe);
		case "points": {
			const panel = panelOf<PointsPanel>(index, "points", nameOf(rest[0]));
			const corners = (rest[1] ?? "").split(";").map((corner) => corner.split(",").map(Number));
			const [points, moments] = await Promise.all([readColumn(panel.points), readColumn(panel.rows)]);
			const [xs, ys] = [corners.map(([x]) => x as number), corners.map(([, y]) => y as number)];
			const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
			for (let i = 0; i < moments.length; i++) {
				const [x, y] = [points[2 * i] as number, points[2 * i + 1] as number];
				if (x >= left && x <= right && y >= bottom && y <= top && isInside(x, y, corners))
					marks[moments[i] as number] = 1;
			}
			return marks;
		}
		case "examples": {
			const panel = panelOf<ExamplesPanel>(index, "examples", nameOf(rest[0]));
			const list = panel.lists.find((each) => each.scope === nameOf(rest[2]) && each.level === nameOf(rest[3]));
			const unit = number(Number(rest[1]), recipe);
			if (!list || unit >= list.listed.rows) throw new BadRecipe("There is no such list of examples here.");
			const [listed, starts] = await Promise.all([readRows(list.listed, unit, unit + 1), readColumn(panel.samples)]);
			for (let i = 0; i < listed.length; i++)
				if (listed[i]) mark(marks, starts[i] as number, (starts[i] as number) + panel.steps - 1);
			return marks;
		}
		default:
			throw new BadRecipe(`"${recipe}" is no selection that this page understands.`);
	}
}

function panelOf<P extends PointsPanel | ExamplesPanel>(index: Index, kind: P["kind"], name: string): P {
	const panel = index.panels.find((each) => each.kind === kind && each.name === name);
	if (!panel) throw new BadRecipe(`This page has no "${name}", from which the selection was made.`);
	return panel as P;
}

/** The numbers of a variable by its name, of its first number; of "value" and "reward" too. */
export async function variable(index: Index, name: string): Promise<Float32Array> {
	const recording = index.recording;
	const known = recording?.variables.find((each) => each.name === name);
	const column =
		known?.column ?? (name === "value" ? recording?.value : name === "reward" ? recording?.reward : null) ?? null;
	if (!column) throw new BadRecipe(`This recording has no variable "${name}".`);
	const all = await readColumn(column);
	return column.width === 1 ? all : all.filter((_, i) => i % column.width === 0);
}

function number(value: number | undefined, recipe: string): number {
	if (value === undefined || !Number.isInteger(value) || value < 0)
		throw new BadRecipe(`"${recipe}" is no selection that this page understands.`);
	return value;
}

function mark(marks: Uint8Array, first: number, last: number): void {
	marks.fill(1, Math.max(first, 0), Math.min(last + 1, marks.length));
}

/** Around a moment, but never out of its episode. */
function markWithin(marks: Uint8Array, first: number, last: number, row: number, index: Index): void {
	const episodes = index.recording?.episodes ?? [];
	const episode = episodes[episodeOf(episodes, row)];
	mark(marks, Math.max(first, episode?.start ?? 0), Math.min(last, (episode?.stop ?? marks.length) - 1));
}

function between(numbers: Float32Array, low: string | undefined, high: string | undefined, recipe: string): Uint8Array {
	const [least, most] = [Number(low), Number(high)];
	if (low === undefined || high === undefined || Number.isNaN(least) || Number.isNaN(most))
		throw new BadRecipe(`"${recipe}" is no selection that this page understands.`);
	return Uint8Array.from(numbers, (value) => (value >= least && value <= most ? 1 : 0));
}

/** Whether a point lies inside of a polygon (even-odd rule). */
export function isInside(x: number, y: number, corners: number[][]): boolean {
	let inside = false;
	for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
		const [from, to] = [corners[i] as number[], corners[j] as number[]];
		const [yi, yj] = [from[1] as number, to[1] as number];
		if (yi > y === yj > y) continue;
		const [xi, xj] = [from[0] as number, to[0] as number];
		if (x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
	}
	return inside;
}
