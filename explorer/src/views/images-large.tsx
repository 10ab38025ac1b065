/** One shown image, large: what the agent would do, and which pixels moved it. */

import { useEffect, useRef } from "preact/hooks";
import { placeOf, readColumn, readRows, readSheet } from "../data/loading";
import type { ImagesPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { canvasOf, paintMap } from "../parts/fields";
import { savePng } from "../parts/saving";
import { rankOf } from "../parts/shown";
import { Verdict } from "../parts/verdict";
import { Select } from "../parts/view";
import { count, say } from "../parts/words";
import { choose, chosen } from "../state";
import { type Measure, numbersOf } from "./images";

interface Props {
	panel: ImagesPanel;
	/** image * places + place. */
	pair: number;
	measures: Measure[];
	name: string;
}

const LARGE = 180;

export function ImageLarge({ panel, pair, measures, name }: Props) {
	const target = panel.saliency.find((each) => each.name === chosen.value["images.saliency"]);
	const map = useAnswer(() => (target ? mapOf(panel, target, pair) : null), [target, pair]);
	const numbers = useAnswer(
		() => Promise.all(measures.map(numbersOf)),
		[panel, measures.map((each) => each.at).join()],
	);
	const place = useRef<HTMLDivElement>(null);
	const targets = [
		{ value: "", title: "nothing" },
		...panel.saliency.map((each) => ({ value: each.name, title: each.title })),
	];
	const png = () => {
		const canvas = place.current?.querySelector("canvas");
		if (canvas) savePng(name, canvas);
	};
	return (
		<div class="image-large" ref={place}>
			<h3>{name}</h3>
			<ShownPicture panel={panel} pair={pair} width={LARGE} map={target ? map.value : null} />
			<div class="unit-settings">
				{panel.saliency.length > 0 && (
					<Select
						label="Saliency of"
						value={target?.name ?? ""}
						options={targets}
						onPick={(picked) => choose("images.saliency", picked)}
					/>
				)}
				<span class="view-downloads">
					<button type="button" onClick={png} aria-label="Download this image as PNG">
						PNG
					</button>
				</span>
			</div>
			{target && <Verdict {...target} />}
			{target && !map.isWaiting && !map.value && !map.fault && <p class="line">It was not computed for this image.</p>}
			{(map.fault || numbers.fault) && <p class="fault">{map.fault || numbers.fault}</p>}
			<table class="correlates">
				<tbody>
					{measures.map((measure, i) => {
						const all = numbers.value?.[i];
						const number = all?.[pair] ?? Number.NaN;
						const isProbability = measure.value.startsWith("output");
						return (
							<tr key={measure.value}>
								<th scope="row">
									{isProbability ? measure.title : measure.value === "unit" ? `unit ${measure.title}` : measure.title}
								</th>
								<td class="correlate-bars">
									{isProbability && (
										<meter min={0} max={1} value={number || 0} aria-label={`Probability of ${measure.title}`} />
									)}
								</td>
								<td>
									{say(number)}
									{all && !isProbability && (
										<small class="rank">
											rank {count(rankOf(all, pair))} of {count(all.length)}
										</small>
									)}
								</td>
							</tr>
						);
					})}
				</tbody>
			</table>
		</div>
	);
}

async function mapOf(
	panel: ImagesPanel,
	{ maps }: ImagesPanel["saliency"][number],
	pair: number,
): Promise<HTMLCanvasElement | null> {
	const row = panel.saliency_rows ? (await readColumn(panel.saliency_rows)).indexOf(pair) : pair;
	if (row < 0 || row >= maps.rows) return null;
	const numbers = await readRows(maps, row, row + 1);
	// Maps have the shape of the pictures, or are smaller by a whole number.
	const height = Math.round(Math.sqrt((maps.width * panel.pictures.height) / panel.pictures.width));
	return canvasOf(paintMap(numbers, Math.abs(maps.high?.[0] ?? 1)), Math.round(maps.width / height), height);
}

interface PictureProps {
	panel: ImagesPanel;
	pair: number;
	/** Pixels on the page. */
	width: number;
	/** To lie over it. */
	map: HTMLCanvasElement | null;
}

export function ShownPicture({ panel, pair, width, map }: PictureProps) {
	const place = useRef<HTMLCanvasElement>(null);
	const { pictures } = panel;
	const at = placeOf(pictures, pair);
	const { value } = useAnswer(() => readSheet(pictures, at.sheet), [pictures, at.sheet]);
	const height = Math.round((width * pictures.height) / pictures.width);
	useEffect(() => {
		const canvas = place.current;
		if (!canvas || !value) return;
		const density = window.devicePixelRatio || 1;
		canvas.width = Math.round(width * density);
		canvas.height = Math.round(height * density);
		const pen = canvas.getContext("2d");
		if (!pen) return;
		pen.imageSmoothingEnabled = canvas.width < pictures.width;
		pen.drawImage(value, at.left, at.top, pictures.width, pictures.height, 0, 0, canvas.width, canvas.height);
		pen.imageSmoothingEnabled = true;
		if (map) pen.drawImage(map, 0, 0, canvas.width, canvas.height);
	}, [value, pair, width, map]);
	return <canvas class="shown" ref={place} style={{ width: `${width}px`, height: `${height}px` }} />;
}
