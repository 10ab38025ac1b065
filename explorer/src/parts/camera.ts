/** What part of a plane is looked at: its middle, and pixels (of the style sheet) for one unit of the data. */

import type { Bounds } from "./grid";
import type { Placing } from "./splat";

export interface Camera {
	x: number;
	y: number;
	scale: number;
}

const MARGIN = 14;
/** Never wider than twice all of it, never closer than 1000 times. */
const [LEAST, MOST] = [1 / 2, 1000];

/** All of it, the same scale for both directions. */
export function fitted(bounds: Bounds, width: number, height: number): Camera {
	const scale = Math.min(
		Math.max(width - 2 * MARGIN, 10) / (bounds.right - bounds.left),
		Math.max(height - 2 * MARGIN, 10) / (bounds.top - bounds.bottom),
	);
	return { x: (bounds.left + bounds.right) / 2, y: (bounds.bottom + bounds.top) / 2, scale };
}

export const toScreen = (camera: Camera, width: number, height: number, x: number, y: number): [number, number] => [
	(x - camera.x) * camera.scale + width / 2,
	(camera.y - y) * camera.scale + height / 2,
];

export const toData = (camera: Camera, width: number, height: number, x: number, y: number): [number, number] => [
	camera.x + (x - width / 2) / camera.scale,
	camera.y - (y - height / 2) / camera.scale,
];

/** The same for pixels of the device. */
export function placingOf(camera: Camera, width: number, height: number, density: number): Placing {
	const scale = camera.scale * density;
	return { scale, left: (width * density) / 2 - camera.x * scale, top: (height * density) / 2 + camera.y * scale };
}

/** For an address: the middle, and how many times larger than all of it. */
export function sayCamera({ x, y, scale }: Camera, all: Camera): string {
	return [x, y, scale / all.scale].map((each) => Number(each.toPrecision(9))).join();
}

/** From an address; null of a text that says none. */
export function cameraOf(text: string, all: Camera): Camera | null {
	const [x, y, zoom, ...more] = text.split(",").map(Number);
	if (x === undefined || y === undefined || zoom === undefined || more.length) return null;
	if (![x, y, zoom].every(Number.isFinite) || zoom <= 0) return null;
	return { x, y, scale: all.scale * Math.min(Math.max(zoom, LEAST), MOST) };
}

/** What lies under the pointer stays there. */
export function zoomed(
	camera: Camera,
	all: Camera,
	[width, height]: [number, number],
	factor: number,
	x = width / 2,
	y = height / 2,
): Camera {
	const scale = Math.min(Math.max(camera.scale * factor, all.scale * LEAST), all.scale * MOST);
	const [dataX, dataY] = toData(camera, width, height, x, y);
	return { x: dataX - (x - width / 2) / scale, y: dataY + (y - height / 2) / scale, scale };
}

export const panned = (camera: Camera, dx: number, dy: number): Camera => ({
	...camera,
	x: camera.x - dx / camera.scale,
	y: camera.y + dy / camera.scale,
});
