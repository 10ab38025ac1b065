/** One shown image, large: what the agent would do, and which pixels moved it. */

import { useEffect, useRef } from "preact/hooks";
import { placeOf, readRows, readSheet } from "../data/loading";
import type { ImagesPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { type Attributed, attributionsOf, nearestAttributed } from "../parts/attributed";
import { canvasOf, paintMap } from "../parts/fields";
import { savePng } from "../parts/saving";
import { rankOf } from "../parts/shown";
import { MapKey, Verdict } from "../parts/verdict";
import { Select } from "../parts/view";
import { count, say } from "../parts/words";
import { choose, chosen, panelsOf } from "../state";
import { type Measure, numbersOf } from "./images";

interface Props {
	panel: ImagesPanel;
	/** image * places + place. */
	pair: number;
	/** Of all of them that have maps. */
	attributed: readonly number[];
	measures: Measure[];
	name: string;
}

const LARGE = 200;
const NONE = "none";

export function ImageLarge({ panel, pair, attributed, measures, name }: Props) {
	const found = useAnswer(() => attributionsOf(panel, panelsOf("images"), pair), [panel, pair]);
	const wanted = chosen.value["images.saliency"];
	const known = found.isWaiting ? [] : (found.value ?? []);
	// What moved the network is shown unasked; of what was chosen once, the same for every image.
	const shown = wanted === NONE ? undefined : (known.find((each) => each.target.name === wanted) ?? known[0]);
	const map = useAnswer(() => (shown ? mapOf(shown) : null), [shown?.target, shown?.row]);
	const nearest = nearestAttributed(panel, pair, attributed);
	const numbers = useAnswer(
		() => Promise.all(measures.map(numbersOf)),
		[panel, measures.map((each) => each.at).join()],
	);
	const place = useRef<HTMLDivElement>(null);
	const targets = [
		...known.map(({ target }) => ({ value: target.name, title: target.title })),
		{ value: NONE, title: "nothing" },
	];
	const png = () => {
		const canvas = place.current?.querySelector("canvas");
		if (canvas) savePng(name, canvas);
	};
	return (
		<div class="image-large" ref={place}>
			<h3>{name}</h3>
			<ShownPicture panel={panel} pair={pair} width={LARGE} map={shown ? map.value : null} />
			<div class="unit-settings">
				{known.length > 0 && (
					<Select
						label="Saliency of"
						value={shown?.target.name ?? NONE}
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
			{shown && <MapKey scale={Math.abs(shown.target.maps.high?.[0] ?? 0)} />}
			{shown && <Verdict {...shown.target} />}
			{!found.isWaiting && known.length === 0 && (
				<p class="line soft">
					{nearest === null
						? "Of no image of this set it was computed what moved the network."
						: `What moved the network was computed for ${count(attributed.length)} of these images, not for this one. `}
					{nearest !== null && (
						<button type="button" onClick={() => choose("images.pair", String(nearest))}>
							Go to the nearest
						</button>
					)}
				</p>
			)}
			{[found.fault, map.fault, numbers.fault].some(Boolean) && (
				<p class="fault">{found.fault || map.fault || numbers.fault}</p>
			)}
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

/** Maps have the shape of the pictures, or are smaller by a whole number. */
async function mapOf({ panel, target, row }: Attributed): Promise<HTMLCanvasElement> {
	const numbers = await readRows(target.maps, row, row + 1);
	const height = Math.round(Math.sqrt((target.maps.width * panel.pictures.height) / panel.pictures.width));
	const scale = Math.abs(target.maps.high?.[0] ?? 1);
	return canvasOf(paintMap(numbers, scale), Math.round(target.maps.width / height), height);
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
