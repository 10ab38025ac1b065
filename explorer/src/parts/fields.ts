/** Pictures of units as colours, the same as in the figures. */

import { DIVERGING_TABLE, SEQUENTIAL_TABLE } from "./colours";

export interface Shape {
	height: number;
	width: number;
	channels: number;
}

/** Largest absolute number; 0 of none. */
export function scaleOf(numbers: ArrayLike<number>): number {
	let scale = 0;
	for (let i = 0; i < numbers.length; i++) {
		const size = Math.abs(numbers[i] as number);
		if (size > scale) scale = size;
	}
	return scale;
}

/** Which planes a picture is shown as: of three colours the composite and each colour, else each channel. */
export function planesOf({ channels }: Shape): { name: string; channel: number | null }[] {
	if (channels === 1) return [{ name: "", channel: 0 }];
	const names = channels === 3 ? ["red", "green", "blue"] : Array.from({ length: channels }, (_, i) => `${i + 1}`);
	const each = names.map((name, channel) => ({ name, channel }));
	return channels === 3 ? [{ name: "colour", channel: null }, ...each] : each;
}

/**
 * A picture as bytes (red, green, blue, alpha). `channel` null shows three colours together: of signed numbers zero is
 * mid-grey, and plus or minus `scale` is full colour; of others `scale` is full colour. One channel of signed numbers is
 * shown by the diverging map, centred on zero. What is not a number stays transparent.
 */
export function paintField(
	numbers: ArrayLike<number>,
	shape: Shape,
	channel: number | null,
	isSigned: boolean,
	scale: number,
): Uint8ClampedArray<ArrayBuffer> {
	const pixels = shape.height * shape.width;
	const bytes = new Uint8ClampedArray(pixels * 4);
	const factor = scale > 0 ? 1 / scale : 0;
	const share = (value: number) => (isSigned ? (1 + value * factor) / 2 : value * factor);
	const colours = isSigned ? DIVERGING_TABLE : SEQUENTIAL_TABLE;
	for (let pixel = 0; pixel < pixels; pixel++) {
		const at = pixel * shape.channels;
		if (channel === null) {
			for (let colour = 0; colour < 3; colour++)
				bytes[pixel * 4 + colour] = 255 * share(numbers[at + colour] as number);
			bytes[pixel * 4 + 3] = Number.isNaN(numbers[at] as number) ? 0 : 255;
			continue;
		}
		const value = numbers[at + channel] as number;
		if (Number.isNaN(value)) continue;
		const code = Math.round(255 * Math.min(Math.max(share(value), 0), 1)) * 3;
		bytes.set(colours.subarray(code, code + 3), pixel * 4);
		bytes[pixel * 4 + 3] = 255;
	}
	return bytes;
}

/**
 * A map of what moved an activity, to lie over a frame: vermilion where the pixels raised it, blue where they lowered
 * it, and the more opaque the more they did, so that the frame stays visible.
 */
export function paintMap(map: ArrayLike<number>, scale: number): Uint8ClampedArray<ArrayBuffer> {
	const bytes = new Uint8ClampedArray(map.length * 4);
	for (let i = 0; i < map.length; i++) {
		const share = scale > 0 ? (map[i] as number) / scale : 0;
		if (Number.isNaN(share)) continue;
		bytes.set(share > 0 ? [255, 96, 16] : [40, 140, 255], i * 4);
		bytes[i * 4 + 3] = 230 * Math.min(Math.abs(share), 1) ** 0.7;
	}
	return bytes;
}

/** A canvas of the size of a picture, to be drawn larger without smoothing. */
export function canvasOf(bytes: Uint8ClampedArray<ArrayBuffer>, width: number, height: number): HTMLCanvasElement {
	const canvas = document.createElement("canvas");
	canvas.width = width;
	canvas.height = height;
	canvas.getContext("2d")?.putImageData(new ImageData(bytes, width, height), 0, 0);
	return canvas;
}
