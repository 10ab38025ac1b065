/** What the agent saw at a moment, small. */

import { useEffect, useRef } from "preact/hooks";
import { placeOf, readSheet } from "../data/loading";
import type { Pictures } from "../data/schema";

export function Thumbnail({ frames, row, width }: { frames: Pictures; row: number; width: number }) {
	const canvas = useRef<HTMLCanvasElement>(null);
	useEffect(() => {
		let isCurrent = true;
		const { sheet, left, top } = placeOf(frames, row);
		readSheet(frames, sheet).then(
			(picture) => {
				const pen = isCurrent ? canvas.current?.getContext("2d") : null;
				pen?.drawImage(picture, left, top, frames.width, frames.height, 0, 0, frames.width, frames.height);
			},
			// The player says what is wrong with a sheet; a hint need not say it too.
			() => {},
		);
		return () => {
			isCurrent = false;
		};
	}, [frames, row]);
	return (
		<canvas
			ref={canvas}
			class="thumbnail"
			width={frames.width}
			height={frames.height}
			style={{ width: `${width}px`, height: `${(width * frames.height) / frames.width}px` }}
		/>
	);
}
