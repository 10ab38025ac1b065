/** Points by place, so that the nearest one is found without looking at all. */

export class Grid {
	private readonly cell: number;
	private readonly across: number;
	private readonly down: number;
	private readonly starts: Int32Array;
	private readonly members: Int32Array;
	readonly bounds: Bounds;

	constructor(private readonly points: Float32Array) {
		const count = points.length / 2;
		this.bounds = boundsOf(points);
		const { left, bottom, right, top } = this.bounds;
		const [width, height] = [right - left, top - bottom];
		this.cell = Math.max(Math.sqrt((width * height * 4) / Math.max(count, 1)), Math.max(width, height) / 1024);
		this.across = Math.max(1, Math.ceil(width / this.cell));
		this.down = Math.max(1, Math.ceil(height / this.cell));
		const cells = new Int32Array(count);
		this.starts = new Int32Array(this.across * this.down + 1);
		for (let i = 0; i < count; i++) {
			cells[i] = this.cellOf(points[2 * i] as number, points[2 * i + 1] as number);
			if ((cells[i] as number) >= 0)
				this.starts[(cells[i] as number) + 1] = (this.starts[(cells[i] as number) + 1] as number) + 1;
		}
		for (let i = 1; i < this.starts.length; i++)
			this.starts[i] = (this.starts[i] as number) + (this.starts[i - 1] as number);
		const next = this.starts.slice();
		this.members = new Int32Array(this.starts[this.starts.length - 1] as number);
		for (let i = 0; i < count; i++) {
			const cell = cells[i] as number;
			if (cell < 0) continue;
			this.members[next[cell] as number] = i;
			next[cell] = (next[cell] as number) + 1;
		}
	}

	private cellOf(x: number, y: number): number {
		if (!Number.isFinite(x) || !Number.isFinite(y)) return -1;
		return this.rowOf(y) * this.across + this.columnOf(x);
	}

	private columnOf(x: number): number {
		return Math.min(Math.max(Math.floor((x - this.bounds.left) / this.cell), 0), this.across - 1);
	}

	private rowOf(y: number): number {
		return Math.min(Math.max(Math.floor((y - this.bounds.bottom) / this.cell), 0), this.down - 1);
	}

	/** Number of the nearest point at most `reach` away; -1 for none. */
	nearest(x: number, y: number, reach = Number.POSITIVE_INFINITY): number {
		let [best, closest] = [-1, reach * reach];
		const [column, row] = [this.columnOf(x), this.rowOf(y)];
		const rings = Math.max(this.across, this.down);
		// The place may lie outside of all cells; rings count from the cell nearest to it.
		const away = Math.hypot(
			x - Math.min(Math.max(x, this.bounds.left), this.bounds.right),
			y - Math.min(Math.max(y, this.bounds.bottom), this.bounds.top),
		);
		for (let ring = 0; ring <= rings; ring++) {
			const least = Math.max((ring - 1) * this.cell, away);
			if (least * least > closest) break;
			for (let r = row - ring; r <= row + ring; r++) {
				if (r < 0 || r >= this.down) continue;
				const step = r === row - ring || r === row + ring ? 1 : 2 * ring;
				for (let c = column - ring; c <= column + ring; c += Math.max(step, 1)) {
					if (c < 0 || c >= this.across) continue;
					const cell = r * this.across + c;
					for (let k = this.starts[cell] as number; k < (this.starts[cell + 1] as number); k++) {
						const i = this.members[k] as number;
						const distance = ((this.points[2 * i] as number) - x) ** 2 + ((this.points[2 * i + 1] as number) - y) ** 2;
						if (distance <= closest) [best, closest] = [i, distance];
					}
				}
			}
		}
		return best;
	}
}

export interface Bounds {
	left: number;
	right: number;
	bottom: number;
	top: number;
}

/** Of all points that are numbers; a square of one where there are none. */
export function boundsOf(points: Float32Array): Bounds {
	let [left, right, bottom, top] = [
		Number.POSITIVE_INFINITY,
		Number.NEGATIVE_INFINITY,
		Number.POSITIVE_INFINITY,
		Number.NEGATIVE_INFINITY,
	];
	for (let i = 0; i < points.length; i += 2) {
		const [x, y] = [points[i] as number, points[i + 1] as number];
		if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
		if (x < left) left = x;
		if (x > right) right = x;
		if (y < bottom) bottom = y;
		if (y > top) top = y;
	}
	if (left > right) return { left: 0, right: 1, bottom: 0, top: 1 };
	const least = Math.max(right - left, top - bottom) * 1e-3 || 1;
	if (right - left < least) [left, right] = [left - least / 2, right + least / 2];
	if (top - bottom < least) [bottom, top] = [bottom - least / 2, top + least / 2];
	return { left, right, bottom, top };
}
