/** What can be drawn as a trace, and its numbers. */

import { readColumn, readUnit } from "../data/loading";
import type { Index, Recording } from "../data/schema";
import { CLASS_COLOURS, cssOf, type Rgb } from "../parts/colours";
import { isDark } from "../parts/screen";
import type { Unit } from "../state";

export interface Lane {
	/** As it stands in the address: `value`, `variable:NAME:NUMBER`, `unit:LAYER:UNIT`. */
	key: string;
	title: string;
	units: string;
	colour: string;
	isPicked: boolean;
	/** Of all moments; null while they are damaged. */
	numbers: Float32Array | null;
	fault: string;
}

export const keyOfUnit = ({ layer, unit }: Unit): string => `unit:${encodeURIComponent(layer)}:${unit}`;

/** What is offered: value, reward and every number of every variable. */
export function offered(known: Recording): { key: string; title: string; units: string }[] {
	const found: { key: string; title: string; units: string }[] = [];
	if (known.value) found.push({ key: "value", title: "Value", units: "" });
	if (known.reward) found.push({ key: "reward", title: "Reward", units: "" });
	for (const { name, title, units, labels, column } of known.variables)
		for (let number = 0; number < column.width; number++)
			found.push({
				key: `variable:${encodeURIComponent(name)}:${number}`,
				title: labels[number] ? `${title} ${labels[number]}` : title,
				units,
			});
	return found;
}

/** Value and the first variable, until people choose otherwise. */
export function keysOf(text: string | undefined, known: Recording): string[] {
	if (text !== undefined) return text.split(",").filter(Boolean);
	const all = offered(known).map((each) => each.key);
	return all.filter((key, i) => key === "value" || i === all.findIndex((each) => each.startsWith("variable:")));
}

/** Those that are chosen, and the picked unit. */
export async function lanesOf(index: Index, keys: readonly string[], picked: Unit | null): Promise<Lane[]> {
	// Of layers that were measured and not recorded there is nothing to trace.
	const isTraced = picked !== null && index.layers.some((each) => each.name === picked.layer);
	const pickedKey = isTraced ? keyOfUnit(picked) : "";
	const wanted = keys.includes(pickedKey) || !pickedKey ? keys : [...keys, pickedKey];
	const lanes = await Promise.all(wanted.map((key) => laneOf(index, key)));
	return lanes.map((lane, i) => ({
		...lane,
		colour: colourOfLane(i),
		isPicked: lane.key === pickedKey && !keys.includes(pickedKey),
	}));
}

/** On dark ground each colour a third of the way to white. */
function colourOfLane(number: number): string {
	const colour = CLASS_COLOURS[number % CLASS_COLOURS.length] as Rgb;
	const lift = isDark.value ? 1 / 3 : 0;
	return cssOf(colour.map((each) => Math.round(each + (255 - each) * lift)) as unknown as Rgb);
}

type Bare = Omit<Lane, "colour" | "isPicked">;

async function laneOf(index: Index, key: string): Promise<Bare> {
	const [kind, name = "", number = "0"] = key.split(":");
	const known = index.recording;
	const at = Number(number);
	try {
		if (kind === "unit") {
			const layer = index.layers.find((each) => each.name === decodeURIComponent(name));
			if (!layer || !(at >= 0 && at < layer.units)) return nothing(key, "is not here");
			const title = `${layer.title} ${layer.quantity === "component" ? "component " : ""}${at}`;
			const bare = { key, title, units: layer.number_units };
			return await filled(bare, () => readUnit(layer.activity, at));
		}
		const bare = known && offered(known).find((each) => each.key === key);
		const column =
			kind === "value"
				? known?.value
				: kind === "reward"
					? known?.reward
					: known?.variables.find((each) => each.name === decodeURIComponent(name))?.column;
		if (!bare || !column) return nothing(key, "is not here");
		return await filled(bare, async () => {
			const all = await readColumn(column);
			return column.width === 1 ? all : all.filter((_, i) => i % column.width === at);
		});
	} catch {
		return nothing(key, "cannot be read");
	}
}

const nothing = (key: string, fault: string): Bare => ({ key, title: key, units: "", numbers: null, fault });

async function filled(
	bare: { key: string; title: string; units: string },
	read: () => Promise<Float32Array>,
): Promise<Bare> {
	try {
		return { ...bare, numbers: await read(), fault: "" };
	} catch (error) {
		return { ...bare, numbers: null, fault: (error as Error).message };
	}
}

/** Heads whose actions are choices, and where they stand in a row of `actions`. */
export function stripsOf(known: Recording): { name: string; outputs: string[]; number: number }[] {
	if (!known.actions) return [];
	let number = 0;
	return known.heads.flatMap((head) => {
		const at = number;
		number += head.kind === "gaussian" ? head.outputs.length : 1;
		return head.kind === "gaussian" ? [] : [{ name: head.name, outputs: head.outputs, number: at }];
	});
}
