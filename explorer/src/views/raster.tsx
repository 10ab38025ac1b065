import { View } from "../parts/view";

export function Raster() {
	return <View name="raster" title="Raster" />;
}
