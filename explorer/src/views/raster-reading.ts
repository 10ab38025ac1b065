/** Which numbers the raster shows: means of the whole recording, or single decisions once these are read. */

import { useEffect, useState } from "preact/hooks";
import type { Layer } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { detailOf, overviewOf, type Shown, wantsDetail } from "../parts/raster_data";

/** So long nothing is read while people zoom or move. */
const WAIT_MS = 60;

interface Read {
	/** As `layers`; null until there are some. */
	used: Shown[] | null;
	fault: string;
}

/** `pixels` is the width of the picture on the device; 0 while it is not known. */
export function useRasterData(layers: readonly Layer[], [start, stop]: [number, number], pixels: number): Read {
	const isDetailed = pixels > 0 && wantsDetail(layers, [start, stop], pixels);
	const overview = useAnswer(() => Promise.all(layers.map(overviewOf)), [layers]);
	const [detail, setDetail] = useState<Shown[]>([]);
	const [fault, setFault] = useState("");
	const isCovered = (each: Shown) => each.from <= start && stop <= each.to && each.to - each.from <= 8 * (stop - start);
	const isHeld =
		detail.length === layers.length && detail.every((each, i) => each.layer === layers[i] && isCovered(each));
	useEffect(() => {
		if (!isDetailed || isHeld) return;
		let isCurrent = true;
		const timer = setTimeout(() => {
			Promise.all(layers.map((layer) => detailOf(layer, [start, stop]))).then(
				(found) => {
					if (!isCurrent) return;
					setDetail(found);
					setFault("");
				},
				(error: Error) => isCurrent && setFault(error.message),
			);
		}, WAIT_MS);
		return () => {
			isCurrent = false;
			clearTimeout(timer);
		};
	}, [layers, start, stop, isDetailed, isHeld]);
	const used = isDetailed && isHeld ? detail : overview.value?.length === layers.length ? overview.value : null;
	return { used, fault: fault || overview.fault };
}
