/** Sorting and filtering the rows of a table. */

export type Cell = string | number | null;

export interface Sorting {
	column: number;
	isDescending: boolean;
}

const isNothing = (cell: Cell | undefined): boolean =>
	cell === null || cell === undefined || cell === "" || (typeof cell === "number" && Number.isNaN(cell));

/** Numbers as numbers, texts as people order them, numbers before texts; what is nothing comes last either way. */
export function compareCells(a: Cell | undefined, b: Cell | undefined, isDescending: boolean): number {
	if (isNothing(a) || isNothing(b)) return Number(isNothing(a)) - Number(isNothing(b));
	const order =
		typeof a === "number" && typeof b === "number"
			? a - b
			: typeof a === typeof b
				? String(a).localeCompare(String(b), "en", { numeric: true })
				: typeof a === "number"
					? -1
					: 1;
	return isDescending ? -order : order;
}

/** What a text in a filter asks for: a range (">0.5", "<= 3", "0.2..0.8", "=4"), else a part of the text. */
export function conditionOf(text: string): ((cell: Cell | undefined) => boolean) | null {
	const asked = text.trim().replaceAll("−", "-");
	if (!asked) return null;
	const between = /^(\S+?)\s*(?:\.\.|…)\s*(\S+)$/.exec(asked);
	if (between) {
		const [low, high] = [Number(between[1]), Number(between[2])];
		if (!Number.isNaN(low) && !Number.isNaN(high)) return (cell) => numeric(cell, (it) => it >= low && it <= high);
	}
	const [, sign, rest] = /^(>=|<=|≥|≤|>|<|=)\s*(.+)$/.exec(asked) ?? [];
	const bound = Number(rest);
	if (sign && !Number.isNaN(bound)) {
		const holds: Record<string, (it: number) => boolean> = {
			">": (it) => it > bound,
			"<": (it) => it < bound,
			">=": (it) => it >= bound,
			"≥": (it) => it >= bound,
			"<=": (it) => it <= bound,
			"≤": (it) => it <= bound,
			"=": (it) => it === bound,
		};
		return (cell) => numeric(cell, holds[sign] as (it: number) => boolean);
	}
	const part = asked.toLowerCase();
	return (cell) =>
		!isNothing(cell) &&
		String(cell as string | number)
			.toLowerCase()
			.includes(part);
}

function numeric(cell: Cell | undefined, holds: (value: number) => boolean): boolean {
	return typeof cell === "number" && !Number.isNaN(cell) && holds(cell);
}

/** Numbers of the rows to show, in order. `filters` has one text for each column, `anywhere` is sought in all of them. */
export function arrange(
	rows: readonly (readonly Cell[])[],
	filters: readonly (string | undefined)[],
	anywhere: string,
	sorting: Sorting | null,
): number[] {
	const conditions = filters.map((each) => conditionOf(each ?? ""));
	const sought = conditionOf(anywhere);
	const found: number[] = [];
	for (const [number, row] of rows.entries()) {
		if (conditions.some((condition, column) => condition !== null && !condition(row[column]))) continue;
		if (sought && !row.some((cell) => sought(cell))) continue;
		found.push(number);
	}
	if (!sorting) return found;
	const { column, isDescending } = sorting;
	return found.sort((a, b) => compareCells(rows[a]?.[column], rows[b]?.[column], isDescending) || a - b);
}

/** For an address: the column and the direction. */
export const saySorting = (sorting: Sorting | null): string =>
	sorting ? `${sorting.column}${sorting.isDescending ? "-" : "+"}` : "";

export function sortingOf(text: string): Sorting | null {
	const [, column, sign] = /^(\d+)([+-])$/.exec(text) ?? [];
	return column === undefined ? null : { column: Number(column), isDescending: sign === "-" };
}

/** For an address: the texts of the columns that have one, "2:> 0.5". */
export const sayFilters = (filters: readonly string[]): string =>
	filters.flatMap((text, column) => (text ? [`${column}:${encodeURIComponent(text)}`] : [])).join();

export function filtersOf(text: string): string[] {
	const found: string[] = [];
	for (const each of text.split(",")) {
		const [, column, filter = ""] = /^(\d{1,3}):(.*)$/.exec(each) ?? [];
		try {
			if (column !== undefined) found[Number(column)] = decodeURIComponent(filter);
		} catch {
			// A broken address filters nothing.
		}
	}
	return Array.from(found, (each) => each ?? "");
}
