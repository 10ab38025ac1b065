/** How something was measured: there for whoever asks, and out of the way of everybody else. */

const SHORT = 160;

export function Caption({ text }: { text: string }) {
	if (!text) return null;
	if (text.length <= SHORT) return <p class="caption">{text}</p>;
	return (
		<details class="caption">
			<summary>How it was measured</summary>
			{text}
		</details>
	);
}
