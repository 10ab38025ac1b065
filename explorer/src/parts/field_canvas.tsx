/** One picture of a unit on the page, and pictures of units as files. */

import { useEffect, useRef } from "preact/hooks";
import { canvasOf, paintField, planesOf, type Shape } from "./fields";
import { say } from "./words";

interface Props {
	/** Null while they are read. */
	numbers: Float32Array | null;
	shape: Shape;
	/** Of `planesOf`. */
	plane: number;
	isSigned: boolean;
	scale: number;
	/** Pixels. */
	width: number;
}

export function FieldCanvas({ numbers, shape, plane, isSigned, scale, width }: Props) {
	const place = useRef<HTMLCanvasElement>(null);
	useEffect(() => {
		const canvas = place.current;
		if (!canvas) return;
		canvas.width = shape.width;
		canvas.height = shape.height;
		if (!numbers) return;
		const bytes = paintField(numbers, shape, planesOf(shape)[plane]?.channel ?? null, isSigned, scale);
		canvas.getContext("2d")?.putImageData(new ImageData(bytes, shape.width, shape.height), 0, 0);
	}, [numbers, plane, scale]);
	const height = Math.round((width * shape.height) / shape.width);
	return <canvas class="field" ref={place} style={{ width: `${width}px`, height: `${height}px` }} />;
}

const GAP = 4;
const LARGEST = 150;

/** A picture in all its planes, and what its colours mean. */
export function Planes({ numbers, shape, isSigned, scale, width }: Omit<Props, "plane">) {
	const planes = planesOf(shape);
	const shown = Math.min(planes.length, 4);
	const most = LARGEST * Math.max(1, shape.width / shape.height);
	const each = Math.floor(Math.min((width - (shown - 1) * GAP) / shown, most));
	return (
		<>
			<div class="unit-planes">
				{planes.map(({ name }, plane) => (
					<figure key={name}>
						<FieldCanvas numbers={numbers} shape={shape} plane={plane} isSigned={isSigned} scale={scale} width={each} />
						{name && <figcaption>{name}</figcaption>}
					</figure>
				))}
			</div>
			{isSigned ? (
				<p class="unit-range">
					<span class="soft">−{say(scale)}</span> <span class="diverging-bar" aria-hidden="true" />{" "}
					<span class="soft">+{say(scale)}</span>
				</p>
			) : (
				<p class="soft">0 to {say(scale)}</p>
			)}
		</>
	);
}

/** Every picture a row, its planes side by side, large enough to be looked at, all on one scale. */
export function sheetOf(pictures: readonly Float32Array[], shape: Shape, isSigned: boolean, scale: number) {
	const planes = planesOf(shape);
	const factor = Math.max(1, Math.ceil(256 / shape.width));
	const [across, down] = [shape.width * factor + 2 * GAP, shape.height * factor + 2 * GAP];
	const canvas = document.createElement("canvas");
	canvas.width = across * planes.length;
	canvas.height = down * pictures.length;
	const pen = canvas.getContext("2d");
	if (!pen) return canvas;
	pen.imageSmoothingEnabled = false;
	pictures.forEach((numbers, row) => {
		planes.forEach(({ channel }, column) => {
			const drawn = canvasOf(paintField(numbers, shape, channel, isSigned, scale), shape.width, shape.height);
			pen.drawImage(drawn, column * across, row * down, shape.width * factor, shape.height * factor);
		});
	});
	return canvas;
}

export const namesOfChannels = (channels: number): string[] =>
	channels === 3 ? ["red", "green", "blue"] : Array.from({ length: channels }, (_, i) => `channel_${i}`);

/** A line for each pixel: its row, its column, and its numbers. */
export function pixelsOf(numbers: Float32Array, { height, width, channels }: Shape): number[][] {
	return Array.from({ length: height * width }, (_, pixel) => {
		const own = numbers.subarray(pixel * channels, (pixel + 1) * channels);
		return [Math.floor(pixel / width), pixel % width, ...own];
	});
}
