/** What the points of an embedding can be coloured by, and the numbers or classes of each point. */

import { readColumn, readUnit } from "../data/loading";
import type { Index, Recording, Variable } from "../data/schema";
import type { Unit } from "../state";
import { toneOf } from "./colours";
import { classesOf, headingKey, type Key, numbersKey, type Shaded, shadesOf } from "./shading";
import { PLAIN } from "./splat";
import { say } from "./words";

/** Decisions before an event that count as its run-up. */
export const RUN_UP = 8;

export interface Choice {
	value: string;
	title: string;
	group: string;
}

export function choicesOf(index: Index): Choice[] {
	const recording = index.recording;
	if (!recording) return [];
	const found: Choice[] = [];
	const add = (group: string, value: string, title: string) => found.push({ value, title, group });
	if (recording.value) add("Agent", "value", "value");
	if (recording.reward) add("Agent", "reward", "reward");
	if (recording.actions)
		recording.heads.forEach((head, i) => {
			if (head.kind !== "gaussian")
				add("Agent", `action:${i}`, recording.heads.length > 1 ? `action: ${head.name}` : "action");
			else for (const [k, name] of head.outputs.entries()) add("Agent", `action:${i}:${k}`, `action: ${name}`);
		});
	add("Time", "time", "time in the episode");
	if (recording.episodes.length > 1) add("Time", "episode", "episode");
	if (recording.events.length > 1) add("Events", "events", `before any ${recording.words.event}`);
	for (const event of recording.events) add("Events", `event:${event.name}`, `before ${event.name}`);
	for (const variable of recording.variables)
		if (variable.column.width < 2) add("Variables", `variable:${variable.name}:0`, variable.title);
		else
			for (let i = 0; i < variable.column.width; i++)
				add("Variables", `variable:${variable.name}:${i}`, `${variable.title}: ${variable.labels[i] ?? i + 1}`);
	if (index.layers.length) add("Units", "unit", "the unit that is picked");
	for (const layer of index.layers) add("Units", `unit:${layer.name}`, `a unit of ${layer.title}`);
	add("No colour", "nothing", "nothing: how dense points are");
	return found;
}

/** The first thing a page shows. */
export function firstChoice(choices: readonly Choice[]): string {
	const wanted = ["value", "events", "time"];
	return wanted.find((value) => choices.some((each) => each.value === value)) ?? choices[0]?.value ?? "nothing";
}

/** Of which unit a choice speaks; null if of none. The unit's number may follow: "unit:fc:12". */
export function unitOf(index: Index, choice: string, picked: Unit | null): Unit | null {
	if (choice === "unit") return picked;
	const [, layer, number] = /^unit:(.*?)(?::(\d+))?$/.exec(choice) ?? [];
	const known = index.layers.find((each) => each.name === layer);
	const unit = Number(number ?? 0);
	return known && unit < known.units ? { layer: known.name, unit } : null;
}

/** `rows` are the moments of the points. A promise fails with a line for people. */
export async function colouring(index: Index, choice: string, rows: Int32Array, picked: Unit | null): Promise<Shaded> {
	const recording = index.recording;
	const [kind = "", ...rest] = choice.split(":");
	if (recording) {
		if (kind === "episode")
			return numbers(
				"episode",
				perEpisode(recording, rows, (_, episode) => episode),
				"",
			);
		if (kind === "time") {
			const seconds = recording.seconds_per_decision;
			const since = perEpisode(recording, rows, (row, _, start) => (row - start) * (seconds ?? 1));
			return numbers("time in the episode", since, seconds === null ? "decisions" : "s");
		}
		const column = kind === "value" ? recording.value : kind === "reward" ? recording.reward : null;
		if (column) return numbers(kind, gather(await readColumn(column), rows, column.width, 0), "");
		if (kind === "action" && recording.actions) return await action(recording, rows, Number(rest[0]), rest[1]);
		if (kind === "events" || kind === "event")
			return await events(recording, rows, kind === "events" ? null : rest.join(":"));
		if (kind === "variable") {
			const variable = recording.variables.find((each) => each.name === rest.slice(0, -1).join(":"));
			if (variable) return await ofVariable(variable, rows, Number(rest[rest.length - 1]));
		}
	}
	const unit = unitOf(index, choice, picked);
	const layer = index.layers.find((each) => each.name === unit?.layer);
	if (unit && layer) {
		const title = `${layer.title}, ${layer.quantity === "component" ? "component" : "unit"} ${unit.unit}`;
		return numbers(title, gather(await readUnit(layer.activity, unit.unit), rows, 1, 0), layer.number_units);
	}
	return {
		title: "",
		shades: new Uint8Array(rows.length),
		key: { kind: "nothing" },
		values: new Float32Array(rows.length),
	};
}

function numbers(title: string, values: Float32Array, units: string, key = numbersKey(values, units)): Shaded {
	return { title, values, shades: shadesOf(values, key.low, key.high), key };
}

function gather(all: Float32Array, rows: Int32Array, width: number, at: number): Float32Array {
	const found = new Float32Array(rows.length);
	for (let i = 0; i < rows.length; i++) found[i] = all[(rows[i] as number) * width + at] ?? Number.NaN;
	return found;
}

async function ofVariable(variable: Variable, rows: Int32Array, at: number): Promise<Shaded> {
	const values = gather(await readColumn(variable.column), rows, variable.column.width, at);
	const title = variable.labels[at] ? `${variable.title}: ${variable.labels[at]}` : variable.title;
	const isAngle = variable.kind === "heading" && variable.column.width === 1;
	return numbers(
		title,
		values,
		variable.units,
		isAngle ? headingKey(values, variable.units) : numbersKey(values, variable.units),
	);
}

async function action(
	recording: Recording,
	rows: Int32Array,
	head: number,
	output: string | undefined,
): Promise<Shaded> {
	const [known, column] = [recording.heads[head], recording.actions];
	if (!known || !column) throw new Error("This recording has no such action.");
	// A head of choices has one number in a row, a Gaussian one as many as it has outputs.
	let at = Number(output ?? 0);
	for (const each of recording.heads.slice(0, head)) at += each.kind === "gaussian" ? each.outputs.length : 1;
	const values = gather(await readColumn(column), rows, column.width, at);
	if (known.kind !== "gaussian") return classesOf("action", values, known.outputs, "other actions");
	return numbers(`action: ${known.outputs[Number(output)] ?? known.name}`, values, "");
}

/** Moments at which an event happened and the decisions before it, by whether it is good or bad; the soonest counts. */
async function events(recording: Recording, rows: Int32Array, name: string | null): Promise<Shaded> {
	const wanted = recording.events.filter((each) => name === null || each.name === name);
	if (!wanted.length) throw new Error(`This recording knows no event "${name}".`);
	const { words } = recording;
	const kinds =
		name === null
			? [words.positive, words.negative, words.event]
			: [wanted[0]?.name ?? "", wanted[0]?.name ?? "", wanted[0]?.name ?? ""];
	const soonest = new Uint8Array(recording.rows).fill(255);
	const kindOf = new Uint8Array(recording.rows).fill(PLAIN);
	const starts = recording.episodes;
	for (const event of wanted) {
		const kind = event.valence ? (event.valence > 0 ? 0 : 1) : 2;
		let episode = 0;
		for (const row of await readColumn(event.rows)) {
			while (episode + 1 < starts.length && (starts[episode + 1]?.start ?? 0) <= row) episode++;
			const first = Math.max(row - RUN_UP, starts[episode]?.start ?? 0);
			for (let at = first; at <= row; at++)
				if (row - at < (soonest[at] as number)) {
					soonest[at] = row - at;
					kindOf[at] = kind;
				}
		}
	}
	const present = [0, 1, 2].filter((kind) => kindOf.includes(kind));
	const shadeOf = new Uint8Array(256).fill(PLAIN);
	for (const [i, kind] of present.entries()) shadeOf[kind] = i;
	const shades = new Uint8Array(rows.length);
	for (let i = 0; i < rows.length; i++) shades[i] = shadeOf[kindOf[rows[i] as number] as number] as number;
	const seconds = recording.seconds_per_decision;
	const runUp = `${RUN_UP} decisions${seconds === null ? "" : ` (${say(RUN_UP * seconds)} s)`}`;
	const classes = present.map((kind) => ({
		title: kinds[kind] as string,
		colour: toneOf(kind === 2 ? null : 1 - 2 * kind),
	}));
	const key: Key = { kind: "classes", classes, plain: "any other moment" };
	return { title: `at most ${runUp} before`, shades, key, values: Float32Array.from(shades) };
}

function perEpisode(
	recording: Recording,
	rows: Int32Array,
	of: (row: number, episode: number, start: number) => number,
): Float32Array {
	const { episodes } = recording;
	const found = new Float32Array(rows.length);
	let at = 0;
	for (let i = 0; i < rows.length; i++) {
		const row = rows[i] as number;
		// Points mostly stand in the order of time.
		if (row < (episodes[at]?.start ?? 0)) at = 0;
		while (at + 1 < episodes.length && (episodes[at + 1]?.start ?? 0) <= row) at++;
		found[i] = of(row, at, episodes[at]?.start ?? 0);
	}
	return found;
}

/** What a point's colour says, in words. */
export function sayShade(shaded: Shaded, point: number): string {
	const { key } = shaded;
	const value = shaded.values[point] as number;
	if (key.kind === "nothing") return "";
	if (key.kind === "numbers") return `${shaded.title}: ${say(value)}${key.units ? ` ${key.units}` : ""}`;
	const shade = shaded.shades[point] as number;
	return shade === PLAIN ? key.plain : `${shaded.title}: ${key.classes[shade]?.title ?? key.plain}`;
}
