/** What part of an embedding is looked at; it stands in the address once it stays. */

import { useEffect, useRef, useState } from "preact/hooks";
import { type Camera, cameraOf, sayCamera } from "../parts/camera";
import { choose, chosen, forget } from "../state";

export const ZOOM = "embedding.zoom";
const SETTLE_MS = 150;

interface Moved {
	points: Float32Array;
	camera: Camera;
}

interface Looking {
	camera: Camera;
	/** Nothing is left out of the picture, and it is as large as it fits. */
	isAll: boolean;
	isMoving: boolean;
	/** Null for all of it. */
	look: (next: Camera | null) => void;
}

/** `all` shows every point. A camera of other points is none. */
export function useLooking(points: Float32Array, all: Camera): Looking {
	const [moved, setMoved] = useState<Moved | null>(null);
	const settle = useRef(0);
	useEffect(() => () => clearTimeout(settle.current), []);
	const said = chosen.value[ZOOM] ?? "";
	const own = moved?.points === points ? moved : null;
	const camera = own?.camera ?? cameraOf(said, all) ?? all;
	const look = (next: Camera | null) => {
		setMoved({ points, camera: next ?? all });
		clearTimeout(settle.current);
		settle.current = window.setTimeout(() => {
			if (!next) forget(ZOOM);
			else choose(ZOOM, sayCamera(next, all));
			// From here on it is read from the address: a link draws every point at the same pixel.
			setMoved(null);
		}, SETTLE_MS);
	};
	return { camera, isAll: camera === all, isMoving: own !== null, look };
}
