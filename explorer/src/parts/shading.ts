/** From numbers to shades, with the key that says what they mean. */

import { CLASS_COLOURS, NOTHING, type Rgb } from "./colours";
import { PLAIN } from "./splat";

export type Map = "sequential" | "diverging" | "cyclic";

export type Key =
	| { kind: "nothing" }
	| { kind: "numbers"; map: Map; low: number; high: number; units: string; isCut: boolean; hasPlain: boolean }
	| { kind: "classes"; classes: { title: string; colour: Rgb }[]; plain: string };

export interface Shaded {
	title: string;
	shades: Uint8Array;
	key: Key;
	/** Of each point; for classes their numbers. */
	values: Float32Array;
}

/** Where the lowest and highest `share` of the numbers end; from every k-th of very many. Null if there are none. */
export function quantiles(numbers: Float32Array, share: number): [number, number] | null {
	const step = Math.max(1, Math.floor(numbers.length / 50_000));
	const sample = new Float32Array(Math.ceil(numbers.length / step));
	let count = 0;
	for (let i = 0; i < numbers.length; i += step) {
		const value = numbers[i] as number;
		if (Number.isFinite(value)) sample[count++] = value;
	}
	if (!count) return null;
	const sorted = sample.subarray(0, count).sort();
	const at = (part: number) => sorted[Math.round(part * (count - 1))] as number;
	return [at(share), at(1 - share)];
}

/** Around 0 where numbers lie on both sides of it, the smaller side a tenth of the larger at least. */
export function numbersKey(numbers: Float32Array, units: string): Extract<Key, { kind: "numbers" }> {
	let [low, high] = quantiles(numbers, 0.02) ?? [0, 1];
	const [least, most, hasPlain] = extremes(numbers);
	// Of rare events, say, nearly all numbers are the same.
	if (low === high && least < most) [low, high] = [least, most];
	const isDiverging = low < 0 && high > 0 && Math.min(-low, high) > 0.1 * Math.max(-low, high);
	if (isDiverging) {
		high = Math.max(-low, high);
		low = -high;
	}
	if (low === high) [low, high] = [low - 0.5, high + 0.5];
	const isCut = least < low || most > high;
	return { kind: "numbers", map: isDiverging ? "diverging" : "sequential", low, high, units, isCut, hasPlain };
}

/** Angles go around. */
export function headingKey(numbers: Float32Array, units: string): Extract<Key, { kind: "numbers" }> {
	const [least, , hasPlain] = extremes(numbers);
	const turn = /rad/i.test(units) ? 2 * Math.PI : 360;
	const low = least < 0 ? -turn / 2 : 0;
	return { kind: "numbers", map: "cyclic", low, high: low + turn, units, isCut: false, hasPlain };
}

function extremes(numbers: Float32Array): [number, number, boolean] {
	let [least, most, hasPlain] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, false];
	for (let i = 0; i < numbers.length; i++) {
		const value = numbers[i] as number;
		if (!Number.isFinite(value)) hasPlain = true;
		if (value < least) least = value;
		if (value > most) most = value;
	}
	return [least, most, hasPlain];
}

/** Shades 0 to 254 from low to high; what is no number has none. */
export function shadesOf(numbers: Float32Array, low: number, high: number): Uint8Array {
	const found = new Uint8Array(numbers.length);
	const gain = 254 / (high - low);
	for (let i = 0; i < numbers.length; i++) {
		const shade = ((numbers[i] as number) - low) * gain;
		found[i] = shade >= 254 ? 254 : shade > 0 ? shade + 0.5 : shade <= 0 ? 0 : PLAIN;
	}
	return found;
}

const LIGHT: Record<Map, readonly Rgb[]> = {
	// Viridis without its palest end, which vanishes on white.
	sequential: [
		[68, 1, 84],
		[65, 68, 135],
		[42, 120, 142],
		[34, 168, 132],
		[110, 200, 85],
		[190, 205, 30],
	],
	diverging: [
		[10, 70, 140],
		[70, 140, 195],
		[205, 205, 198],
		[225, 120, 70],
		[160, 45, 10],
	],
	cyclic: [
		[70, 50, 120],
		[60, 140, 190],
		[205, 205, 198],
		[215, 120, 80],
		[70, 50, 120],
	],
};

const DARK: Record<Map, readonly Rgb[]> = {
	// Viridis without its darkest end, which vanishes on black.
	sequential: [
		[86, 70, 150],
		[60, 105, 160],
		[42, 145, 150],
		[64, 190, 120],
		[150, 215, 70],
		[253, 231, 37],
	],
	diverging: [
		[110, 195, 250],
		[60, 120, 170],
		[78, 80, 84],
		[190, 105, 60],
		[255, 165, 100],
	],
	cyclic: [
		[235, 225, 245],
		[90, 160, 215],
		[80, 70, 130],
		[205, 115, 85],
		[235, 225, 245],
	],
};

/** Colours of a map for points on the page's background, as (red, green, blue) at even steps. */
export const stopsOf = (map: Map, dark: boolean): readonly Rgb[] => (dark ? DARK : LIGHT)[map];

function between(stops: readonly Rgb[], share: number): Rgb {
	const at = share * (stops.length - 1);
	const first = Math.min(Math.floor(at), stops.length - 2);
	const [from, to] = [stops[first] as Rgb, stops[first + 1] as Rgb];
	const mix = (i: 0 | 1 | 2) => Math.round(from[i] + (at - first) * (to[i] - from[i]));
	return [mix(0), mix(1), mix(2)];
}

const ALONE: { light: Rgb; dark: Rgb } = { light: [50, 80, 125], dark: [140, 175, 215] };

/** Colours of all shades: 255 at most, three bytes each. */
export function tableOf(key: Key, dark: boolean): Uint8Array {
	const table = new Uint8Array(256 * 3);
	for (let i = 0; i < 255; i++) {
		const colour: Rgb =
			key.kind === "nothing"
				? ALONE[dark ? "dark" : "light"]
				: key.kind === "classes"
					? (key.classes[i]?.colour ?? NOTHING)
					: between(stopsOf(key.map, dark), i / 254);
		table.set(colour, 3 * i);
	}
	return table;
}

/** Of classes by their number; where there are more than colours, the most frequent ones, the others without. */
export function classesOf(title: string, codes: Float32Array, names: readonly string[], plain = "others"): Shaded {
	const counts = new Float64Array(names.length);
	for (let i = 0; i < codes.length; i++) {
		const code = codes[i] as number;
		if (code >= 0 && code < names.length) counts[code] = (counts[code] as number) + 1;
	}
	const present = [...counts.keys()].filter((code) => counts[code]);
	const chosen = present
		.sort((a, b) => (counts[b] as number) - (counts[a] as number))
		.slice(0, CLASS_COLOURS.length - (present.length > CLASS_COLOURS.length ? 1 : 0))
		.sort((a, b) => a - b);
	const shadeOf = new Uint8Array(names.length + 1).fill(PLAIN);
	chosen.forEach((code, i) => {
		shadeOf[code] = i;
	});
	const shades = new Uint8Array(codes.length).fill(PLAIN);
	for (let i = 0; i < codes.length; i++) {
		const code = codes[i] as number;
		if (code >= 0 && code < names.length) shades[i] = shadeOf[code] as number;
	}
	const classes = chosen.map((code, i) => ({
		title: names[code] as string,
		colour: CLASS_COLOURS[i % CLASS_COLOURS.length] as Rgb,
	}));
	return {
		title,
		shades,
		values: codes,
		key: { kind: "classes", classes, plain: shades.includes(PLAIN) ? plain : "" },
	};
}
