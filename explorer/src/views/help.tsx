/** The list of keys, a link to what is picked, and a hint for those who are here for the first time. */

import { useEffect, useRef, useState } from "preact/hooks";
import { beginNote, KEYS, listenToKeys, openHelp } from "../keyboard";
import { keep, recall } from "../parts/keeping";
import { recording } from "../state";
import "./help.css";
import { CopyLink } from "./notes-link";

const HINT_MS = 10_000;
const HINT_SEEN = "retinoscope-hint-seen";

export function Help() {
	useEffect(listenToKeys, []);
	return (
		<div class="help">
			<CopyLink />
			<button type="button" onClick={beginNote}>
				Note
			</button>
			<button type="button" aria-haspopup="dialog" onClick={openHelp} title="Keys (?)">
				? Keys
			</button>
			<Keys />
			{recording.value && <Hint />}
		</div>
	);
}

function Keys() {
	const dialog = useRef<HTMLDialogElement>(null);
	return (
		<dialog
			ref={dialog}
			id="keys-dialog"
			aria-labelledby="keys-title"
			// The dialog fills itself with its content: a click on the dialog is one beside it.
			onClick={(event) => event.target === dialog.current && dialog.current?.close()}
			onKeyDown={(event) => event.key === "?" && dialog.current?.close()}
		>
			<div class="keys">
				<header>
					<h2 id="keys-title">Keys</h2>
					<button type="button" onClick={() => dialog.current?.close()}>
						Close
					</button>
				</header>
				<dl>
					{KEYS.map(({ name, does }) => (
						<div key={name}>
							<dt>
								<kbd>{name}</kbd>
							</dt>
							<dd>{does}</dd>
						</div>
					))}
				</dl>
				<p>
					In the traces: click to go there, drag to zoom, shift and drag to select, wheel to zoom, shift and wheel to
					move, double click for the whole recording.
				</p>
			</div>
		</dialog>
	);
}

/** Three lines for ten seconds, once. */
function Hint() {
	const [isOpen, setOpen] = useState(() => recall(HINT_SEEN) === null);
	useEffect(() => {
		if (!isOpen) return;
		const close = () => {
			setOpen(false);
			keep(HINT_SEEN, "yes");
		};
		const timer = setTimeout(close, HINT_MS);
		const ending = new AbortController();
		for (const name of ["keydown", "pointerdown", "wheel"])
			document.addEventListener(name, close, { signal: ending.signal, passive: true });
		return () => {
			clearTimeout(timer);
			ending.abort();
		};
	}, [isOpen]);
	if (!isOpen) return null;
	return (
		<div class="hint" role="status">
			<p>
				<strong>Click anything</strong>: a point, a line of the raster, a bar. All views go there.
			</p>
			<p>
				<strong>Drag to select</strong> moments: all views show them.
			</p>
			<p>
				<kbd>space</kbd> plays, <kbd>e</kbd> finds the next event, <kbd>?</kbd> lists the keys.
			</p>
		</div>
	);
}
