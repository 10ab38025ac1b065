/**
 * Hundreds of thousands of points as soft discs, summed pixel by pixel.
 *
 * Where points lie over one another their mean is shown, not the one drawn last; how dense they are shows as how opaque
 * they are. Points without a colour lie beneath all others, so that they hide nothing.
 */

/** Of a point that has no colour. */
export const PLAIN = 255;

/** From data to pixels of the device: x * scale + left, top - y * scale. */
export interface Placing {
	scale: number;
	left: number;
	top: number;
}

export interface Points {
	/** x, y of each, one after another. */
	points: Float32Array;
	/** For each point its place in the table, or `PLAIN`. */
	shades: Uint8Array;
	/** Red, green, blue of each shade. */
	table: Uint8Array;
	/** Shades are classes, of which colours are averaged; else they are numbers, which are averaged themselves. */
	isClasses: boolean;
	plain: readonly [number, number, number];
}

const SUBPIXELS = 4;
const STEPS = 1024;
const MOST = 6;

/** 1 - exp(-x) for x up to `MOST`. */
const OPACITY = Float32Array.from({ length: STEPS + 1 }, (_, i) => 1 - Math.exp((-i * MOST) / STEPS));

interface Disc {
	offsets: Int32Array;
	weights: Float32Array;
}

/** Discs of a radius at every quarter of a pixel, as offsets into a picture of some width. */
function discs(radius: number, half: number, across: number): Disc[] {
	const found: Disc[] = [];
	for (let sub = 0; sub < SUBPIXELS * SUBPIXELS; sub++) {
		const x = ((sub % SUBPIXELS) + 0.5) / SUBPIXELS - 0.5;
		const y = (Math.floor(sub / SUBPIXELS) + 0.5) / SUBPIXELS - 0.5;
		const offsets: number[] = [];
		const weights: number[] = [];
		for (let row = -half; row <= half; row++)
			for (let column = -half; column <= half; column++) {
				const weight = Math.min(radius + 0.5 - Math.hypot(column - x, row - y), 1);
				if (weight <= 0.02) continue;
				offsets.push(row * across + column);
				weights.push(weight);
			}
		found.push({ offsets: Int32Array.from(offsets), weights: Float32Array.from(weights) });
	}
	return found;
}

/** Pixels of the device: smaller the more points there are, larger the closer one looks. */
export function radiusOf(count: number, width: number, height: number, zoom: number, density: number): number {
	const room = Math.sqrt((width * height) / Math.max(count, 1)) / density;
	return Math.min(Math.max(0.42 * room * Math.sqrt(Math.max(zoom, 1)), 0.6), 6) * density;
}

/** Keeps its buffers from picture to picture. */
export class Splatter {
	private beneath = new Float32Array(0);
	private above = new Float32Array(0);
	private sums: Float32Array[] = [];

	/** Draws every `stride`th point over whatever is in `target`, which is overwritten. */
	draw(target: ImageData, what: Points, placing: Placing, radius: number, stride = 1): void {
		const half = Math.ceil(radius + 0.5);
		const across = target.width + 2 * half;
		const size = across * (target.height + 2 * half);
		this.prepare(size, what.isClasses ? 3 : 1);
		const shapes = discs(radius, half, across);
		this.add(what, placing, shapes, half, across, [target.width, target.height], stride);
		this.paint(target, what, half, across, size);
	}

	private prepare(size: number, sums: number): void {
		if (this.above.length < size) {
			this.beneath = new Float32Array(size);
			this.above = new Float32Array(size);
			this.sums = [];
		}
		while (this.sums.length < sums) this.sums.push(new Float32Array(this.above.length));
		for (const each of [this.beneath, this.above, ...this.sums]) each.fill(0, 0, size);
	}

	private add(
		{ points, shades, table, isClasses }: Points,
		{ scale, left, top }: Placing,
		shapes: Disc[],
		half: number,
		across: number,
		[width, height]: [number, number],
		stride: number,
	): void {
		const { beneath, above } = this;
		const [first, second, third] = this.sums as [Float32Array, Float32Array, Float32Array];
		for (let i = 0; i < shades.length; i += stride) {
			const x = (points[2 * i] as number) * scale + left;
			const y = top - (points[2 * i + 1] as number) * scale;
			// Written so that a point that is not a number is left out too.
			if (!(x >= 0 && y >= 0 && x < width && y < height)) continue;
			const [column, row] = [x | 0, y | 0];
			const sub = (((y - row) * SUBPIXELS) | 0) * SUBPIXELS + (((x - column) * SUBPIXELS) | 0);
			const { offsets, weights } = shapes[sub] as Disc;
			const at = (row + half) * across + column + half;
			const shade = shades[i] as number;
			if (shade === PLAIN) {
				for (let k = 0; k < offsets.length; k++) {
					const pixel = at + (offsets[k] as number);
					beneath[pixel] = (beneath[pixel] as number) + (weights[k] as number);
				}
			} else if (isClasses) {
				const [red, green, blue] = [table[3 * shade], table[3 * shade + 1], table[3 * shade + 2]] as [
					number,
					number,
					number,
				];
				for (let k = 0; k < offsets.length; k++) {
					const pixel = at + (offsets[k] as number);
					const weight = weights[k] as number;
					above[pixel] = (above[pixel] as number) + weight;
					first[pixel] = (first[pixel] as number) + weight * red;
					second[pixel] = (second[pixel] as number) + weight * green;
					third[pixel] = (third[pixel] as number) + weight * blue;
				}
			} else {
				for (let k = 0; k < offsets.length; k++) {
					const pixel = at + (offsets[k] as number);
					const weight = weights[k] as number;
					above[pixel] = (above[pixel] as number) + weight;
					first[pixel] = (first[pixel] as number) + weight * shade;
				}
			}
		}
	}

	private paint(target: ImageData, what: Points, half: number, across: number, size: number): void {
		const { beneath, above } = this;
		const [first, second, third] = this.sums as [Float32Array, Float32Array, Float32Array];
		const gain = Math.min(gainOf(above, size), gainOf(beneath, size));
		const pixels = new Uint32Array(target.data.buffer, target.data.byteOffset, target.width * target.height);
		const steps = STEPS / MOST;
		const [plainRed, plainGreen, plainBlue] = what.plain;
		let to = 0;
		for (let row = 0; row < target.height; row++) {
			let from = (row + half) * across + half;
			for (let column = 0; column < target.width; column++, from++, to++) {
				const upper = above[from] as number;
				const lower = beneath[from] as number;
				if (upper + lower === 0) {
					pixels[to] = 0;
					continue;
				}
				let [red, green, blue, opacity] = [plainRed, plainGreen, plainBlue, 0];
				if (lower > 0) opacity = 0.6 * (OPACITY[Math.min(lower * gain * steps, STEPS) | 0] as number);
				if (upper > 0) {
					const over = OPACITY[Math.min(upper * gain * steps, STEPS) | 0] as number;
					const rest = opacity * (1 - over);
					opacity = over + rest;
					const share = over / opacity / upper;
					const other = rest / opacity;
					if (what.isClasses) {
						red = (first[from] as number) * share + red * other;
						green = (second[from] as number) * share + green * other;
						blue = (third[from] as number) * share + blue * other;
					} else {
						const shade = 3 * (((first[from] as number) / upper + 0.5) | 0);
						const ours = share * upper;
						red = (what.table[shade] as number) * ours + red * other;
						green = (what.table[shade + 1] as number) * ours + green * other;
						blue = (what.table[shade + 2] as number) * ours + blue * other;
					}
				}
				pixels[to] = ((opacity * 255) << 24) | (blue << 16) | (green << 8) | red;
			}
		}
	}
}

/** So that one point alone is seen and crowds are not all alike: opacity is 1 - exp(-gain * weight). */
function gainOf(weights: Float32Array, size: number): number {
	let [total, covered] = [0, 0];
	for (let i = 0; i < size; i++) {
		const weight = weights[i] as number;
		if (weight > 0) {
			total += weight;
			covered++;
		}
	}
	return covered ? Math.min(Math.max((1.6 * covered) / total, 0.35), 2.5) : 2.5;
}
