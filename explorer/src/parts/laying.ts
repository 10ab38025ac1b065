/** Where things lie that are shown in lines and groups, so that only what is on the screen has to be there. */

export interface Line {
	/** Pixels from above. */
	top: number;
	/** A heading, or empty. */
	title: string;
	items: readonly number[];
}

export interface Laid {
	lines: Line[];
	height: number;
	across: number;
}

interface Given {
	title: string;
	items: readonly number[];
}

export function lay(groups: readonly Given[], across: number, height: number, heading: number): Laid {
	const lines: Line[] = [];
	let top = 0;
	for (const { title, items } of groups) {
		if (items.length === 0) continue;
		if (title) {
			lines.push({ top, title, items: [] });
			top += heading;
		}
		for (let first = 0; first < items.length; first += across) {
			lines.push({ top, title: "", items: items.slice(first, first + across) });
			top += height;
		}
	}
	return { lines, height: top, across };
}

/** Lines that begin within [from, to]. */
export function linesBetween(laid: Laid, from: number, to: number): Line[] {
	return laid.lines.filter((line) => line.top >= from && line.top <= to);
}

/** Number of the line with this item; -1 if there is none. */
export function lineOf(laid: Laid, item: number): number {
	return laid.lines.findIndex((line) => line.items.includes(item));
}

/** Where a key leads from an item; null where the key means nothing. `page` is how many lines are on the screen. */
export function moved(laid: Laid, from: number | null, key: string, page: number): number | null {
	const lines = laid.lines.filter((line) => line.items.length > 0);
	const all = lines.flatMap((line) => line.items);
	if (all.length === 0) return null;
	const line = from === null ? -1 : lines.findIndex((each) => each.items.includes(from));
	const at = from === null ? -1 : all.indexOf(from);
	const ofLine = (number: number): number => {
		const items = lines[Math.min(Math.max(number, 0), lines.length - 1)]?.items ?? [];
		const column = Math.max(0, lines[line]?.items.indexOf(from as number) ?? 0);
		return items[Math.min(column, items.length - 1)] as number;
	};
	const ofAll = (number: number) => all[Math.min(Math.max(number, 0), all.length - 1)] as number;
	const ways: Record<string, () => number> = {
		ArrowRight: () => ofAll(at + 1),
		ArrowLeft: () => ofAll(at - 1),
		ArrowDown: () => ofLine(line + 1),
		ArrowUp: () => ofLine(line - 1),
		PageDown: () => ofLine(line + page),
		PageUp: () => ofLine(line - page),
		Home: () => ofAll(0),
		End: () => ofAll(all.length - 1),
	};
	return ways[key]?.() ?? null;
}
