"""The database of the SDGs: at this point its SDMX readers and the intake driver that notebooks open files with."""
