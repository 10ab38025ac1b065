/** Colours for numbers and classes, the same as in the figures: legible to colour-blind people, light and dark. */

export type Rgb = readonly [number, number, number];

/** Okabe & Ito (2008), without black and yellow, which vanish on dark and light. */
export const CLASS_COLOURS: readonly Rgb[] = [
	[0, 114, 178],
	[213, 94, 0],
	[0, 158, 115],
	[204, 121, 167],
	[86, 180, 233],
	[230, 159, 0],
	[148, 103, 189],
	[127, 127, 127],
];
export const GOOD: Rgb = [0, 114, 178];
export const BAD: Rgb = [213, 94, 0];
export const NOTHING: Rgb = [128, 128, 128];

/** Matplotlib's viridis at every eighth of the way. */
const VIRIDIS: readonly Rgb[] = [
	[68, 1, 84],
	[71, 45, 123],
	[59, 82, 139],
	[44, 114, 142],
	[33, 145, 140],
	[40, 174, 128],
	[94, 201, 98],
	[173, 220, 48],
	[253, 231, 37],
];

/** Blue, white, vermilion: below, at and above 0. */
const DIVERGING: readonly Rgb[] = [
	[5, 48, 97],
	[33, 102, 172],
	[103, 169, 207],
	[209, 229, 240],
	[247, 247, 247],
	[253, 219, 199],
	[239, 138, 98],
	[178, 60, 30],
	[103, 20, 10],
];

function along(stops: readonly Rgb[], share: number): Rgb {
	const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
	const first = Math.min(Math.floor(at), stops.length - 2);
	const [from, to] = [stops[first] as Rgb, stops[first + 1] as Rgb];
	const rest = at - first;
	return [0, 1, 2].map((i) => (from[i] as number) + rest * ((to[i] as number) - (from[i] as number))) as unknown as Rgb;
}

/** 256 colours as (red, green, blue) bytes. */
function table(stops: readonly Rgb[]): Uint8Array {
	const found = new Uint8Array(256 * 3);
	for (let i = 0; i < 256; i++) found.set(along(stops, i / 255).map(Math.round), i * 3);
	return found;
}

export const SEQUENTIAL_TABLE = table(VIRIDIS);
export const DIVERGING_TABLE = table(DIVERGING);

export const cssOf = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

export function toneOf(valence: number | null): Rgb {
	return valence === null || valence === 0 ? NOTHING : valence > 0 ? GOOD : BAD;
}

/** Smallest and largest number; [0, 1] where there are none, and never an empty range. */
export function rangeOf(numbers: ArrayLike<number>): [number, number] {
	let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
	for (let i = 0; i < numbers.length; i++) {
		const each = numbers[i] as number;
		if (each < low) low = each;
		if (each > high) high = each;
	}
	if (low > high) return [0, 1];
	return low === high ? [low - 0.5, high + 0.5] : [low, high];
}
