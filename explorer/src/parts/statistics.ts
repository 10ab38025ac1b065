/** Means, correlations and histograms. What is not a number is left out everywhere. */

export interface Mean {
	mean: number;
	/** Ends of the 95% interval (Student's t); NaN of fewer than two numbers. */
	low: number;
	high: number;
	n: number;
}

export function meanOf(numbers: Iterable<number>): Mean {
	let [n, mean, squares] = [0, 0, 0];
	for (const each of numbers) {
		if (Number.isNaN(each)) continue;
		n += 1;
		const before = each - mean;
		mean += before / n;
		squares += before * (each - mean);
	}
	if (n === 0) return { mean: Number.NaN, low: Number.NaN, high: Number.NaN, n };
	const half = n < 2 ? Number.NaN : tQuantile(n - 1) * Math.sqrt(squares / (n - 1) / n);
	return { mean, low: mean - half, high: mean + half, n };
}

/** The 97.5% quantile of Student's t (Hill 1970, algorithm 396 of the ACM). */
export function tQuantile(freedom: number): number {
	const p = 0.05;
	if (freedom === 1) return 1 / Math.tan((p * Math.PI) / 2);
	if (freedom === 2) return Math.sqrt(2 / (p * (2 - p)) - 2);
	const a = 1 / (freedom - 0.5);
	const b = 48 / (a * a);
	let c = (((20700 * a) / b - 98) * a - 16) * a + 96.36;
	const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt((a * Math.PI) / 2) * freedom;
	let y = (d * p) ** (2 / freedom);
	if (y > 0.05 + a) {
		const x = -1.959963984540054;
		y = x * x;
		if (freedom < 5) c += 0.3 * (freedom - 4.5) * (x + 0.6);
		c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
		y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
		y = Math.expm1(a * y * y);
	} else {
		y =
			((1 / (((freedom + 6) / (freedom * y) - 0.089 * d - 0.822) * (freedom + 2) * 3) + 0.5 / (freedom + 4)) * y - 1) *
				((freedom + 1) / (freedom + 2)) +
			1 / y;
	}
	return Math.sqrt(freedom * y);
}

export interface Correlation {
	/** Pearson's; NaN where one of the two does not vary or there are fewer than three pairs. */
	r: number;
	n: number;
}

/** Over `rows` (all if null), where both are numbers. */
export function correlate(x: ArrayLike<number>, y: ArrayLike<number>, rows: Int32Array | null): Correlation {
	const length = rows ? rows.length : Math.min(x.length, y.length);
	let [n, meanX, meanY, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
	for (let i = 0; i < length; i++) {
		const row = rows ? (rows[i] as number) : i;
		const a = x[row] as number;
		const b = y[row] as number;
		// A sum is not a number where either is not.
		if (Number.isNaN(a + b)) continue;
		n += 1;
		const dx = a - meanX;
		const dy = b - meanY;
		meanX += dx / n;
		meanY += dy / n;
		xx += dx * (a - meanX);
		yy += dy * (b - meanY);
		xy += dx * (b - meanY);
	}
	const size = Math.sqrt(xx * yy);
	return { r: n < 3 || !(size > 0) ? Number.NaN : Math.max(-1, Math.min(1, xy / size)), n };
}

export interface Histogram {
	low: number;
	high: number;
	/** Numbers in each bin; the last one contains its upper end. */
	counts: Float64Array;
	/** Smallest and largest number that is in each bin: what selects exactly these. */
	least: Float64Array;
	most: Float64Array;
	/** All that were counted. */
	n: number;
}

export function histogramOf(
	numbers: ArrayLike<number>,
	rows: Int32Array | null,
	[low, high]: readonly [number, number],
	bins: number,
): Histogram {
	const counts = new Float64Array(bins);
	const least = new Float64Array(bins).fill(Number.POSITIVE_INFINITY);
	const most = new Float64Array(bins).fill(Number.NEGATIVE_INFINITY);
	const length = rows ? rows.length : numbers.length;
	let n = 0;
	for (let i = 0; i < length; i++) {
		const value = numbers[rows ? (rows[i] as number) : i] as number;
		if (!(value >= low && value <= high)) continue;
		const bin = binOf(value, low, high, bins);
		n += 1;
		counts[bin] = (counts[bin] as number) + 1;
		if (value < (least[bin] as number)) least[bin] = value;
		if (value > (most[bin] as number)) most[bin] = value;
	}
	return { low, high, counts, least, most, n };
}

export function binOf(value: number, low: number, high: number, bins: number): number {
	return Math.min(Math.floor(((value - low) / (high - low)) * bins), bins - 1);
}

/** The range of numbers in bins `first` to `last`; null if there are none. */
export function rangeOfBins(histogram: Histogram, first: number, last: number): [number, number] | null {
	let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
	for (let bin = Math.min(first, last); bin <= Math.max(first, last); bin++) {
		low = Math.min(low, histogram.least[bin] ?? low);
		high = Math.max(high, histogram.most[bin] ?? high);
	}
	return low > high ? null : [low, high];
}

/** The middle one of the numbers, of two the lower one; NaN of none. */
export function medianOf(numbers: ArrayLike<number>): number {
	const sorted = Float64Array.from(numbers)
		.filter((each) => !Number.isNaN(each))
		.sort();
	return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
