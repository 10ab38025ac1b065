import { View } from "../parts/view";

export function Player() {
	return <View name="player" title="Player" />;
}
