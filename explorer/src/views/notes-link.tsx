/** A button that puts a link to what is picked into the clipboard. */

import { useEffect, useState } from "preact/hooks";
import { copy, linkTo } from "../parts/keeping";
import { address as addressNow } from "../state";

const SAID_MS = 2000;

/** Of a note's address, or of what is picked now. */
export function CopyLink({ address }: { address?: string }) {
	const [said, setSaid] = useState("");
	useEffect(() => {
		if (said !== "Copied") return;
		const timer = setTimeout(() => setSaid(""), SAID_MS);
		return () => clearTimeout(timer);
	}, [said]);
	const link = linkTo(address ?? addressNow());
	// Where pages may not write into the clipboard, people can.
	if (said === "refused")
		return (
			<input
				class="link"
				aria-label="Link to copy"
				readOnly
				value={link}
				ref={(field) => field?.select()}
				onBlur={() => setSaid("")}
			/>
		);
	return (
		<button
			type="button"
			title="Copy a link that shows the same again"
			onClick={async () => setSaid((await copy(linkTo(address ?? addressNow()))) ? "Copied" : "refused")}
		>
			<span aria-live="polite">{said || "Copy link"}</span>
		</button>
	);
}
