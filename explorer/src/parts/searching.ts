/** Places among ascending numbers. */

/** Place of the first that is at least `value`; so many lie before it. */
export function firstFrom(ascending: ArrayLike<number>, value: number): number {
	let [low, high] = [0, ascending.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((ascending[middle] as number) < value) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** Place of a number; -1 if it is not there. */
export function placeAmong(ascending: ArrayLike<number>, value: number): number {
	const at = firstFrom(ascending, value);
	return ascending[at] === value ? at : -1;
}
