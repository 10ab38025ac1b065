/** Shown images: sorted, filtered, grouped, and what classes and places come to. A pair is image * places + place. */

import type { ImagesPanel } from "../data/schema";
import type { Group } from "./cells";
import { type Mean, meanOf } from "./statistics";

export type Grouping = "class" | "place" | "valence" | "none";

const valenceWords = (valence: number | null | undefined): string =>
	valence === null || valence === undefined
		? "valence not known"
		: valence > 0
			? "good"
			: valence < 0
				? "bad"
				: "neutral";

export const imageOf = (panel: ImagesPanel, pair: number): number => Math.floor(pair / panel.places.length);
export const placeOfPair = (panel: ImagesPanel, pair: number): number => pair % panel.places.length;
export const classOf = (panel: ImagesPanel, pair: number): number => panel.class_of[imageOf(panel, pair)] ?? 0;

/** Pairs of one class and place, or of all (-1). */
export function pairsOf(panel: ImagesPanel, ofClass: number, ofPlace: number): number[] {
	const found: number[] = [];
	for (let pair = 0; pair < panel.names.length * panel.places.length; pair++)
		if ((ofClass < 0 || classOf(panel, pair) === ofClass) && (ofPlace < 0 || placeOfPair(panel, pair) === ofPlace))
			found.push(pair);
	return found;
}

function groupOf(panel: ImagesPanel, pair: number, grouping: Grouping): string {
	if (grouping === "class") return panel.classes[classOf(panel, pair)] ?? "";
	if (grouping === "place") return panel.places[placeOfPair(panel, pair)] ?? "";
	return grouping === "valence" ? valenceWords(panel.valences[classOf(panel, pair)]) : "";
}

/** Groups of pairs; within each the largest number first, what is not a number last. Without numbers as they came. */
export function groupsOf(
	panel: ImagesPanel,
	pairs: readonly number[],
	grouping: Grouping,
	numbers: ArrayLike<number> | null,
): Group[] {
	const names =
		grouping === "class"
			? panel.classes
			: grouping === "place"
				? panel.places
				: ["good", "neutral", "bad", "valence not known"];
	const found = new Map<string, number[]>(grouping === "none" ? [["", []]] : names.map((name) => [name, []]));
	for (const pair of pairs) found.get(groupOf(panel, pair, grouping))?.push(pair);
	const size = (pair: number) => {
		const value = numbers?.[pair] ?? Number.NaN;
		return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
	};
	return [...found]
		.filter(([, items]) => items.length > 0)
		.map(([name, items]) => ({
			title: name && `${name} (${items.length})`,
			items: numbers ? items.sort((a, b) => (size(a) === size(b) ? a - b : size(b) - size(a))) : items,
		}));
}

export interface Summary {
	name: string;
	valence: number | null;
	/** By place, the mean over images; the last one over all places, each image once by its own mean. */
	means: Mean[];
}

export function summaryOf(panel: ImagesPanel, numbers: ArrayLike<number>): Summary[] {
	const places = panel.places.length;
	const images = panel.names.map((_, i) => i);
	const at = (image: number, place: number) => numbers[image * places + place] ?? Number.NaN;
	return panel.classes.map((name, number) => {
		const mine = images.filter((image) => panel.class_of[image] === number);
		const means = panel.places.map((_, place) => meanOf(mine.map((image) => at(image, place))));
		const overPlaces = (image: number) => meanOf(panel.places.map((_, place) => at(image, place))).mean;
		return { name, valence: panel.valences[number] ?? null, means: [...means, meanOf(mine.map(overPlaces))] };
	});
}

/** How many of the numbers are larger, plus one: 1 for the largest. */
export function rankOf(numbers: ArrayLike<number>, at: number): number {
	let rank = 1;
	for (let i = 0; i < numbers.length; i++) if ((numbers[i] as number) > (numbers[at] as number)) rank += 1;
	return rank;
}
