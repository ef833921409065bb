"""The intake drivers of our catalogs: SDMX files, tables in Parquet, cubes in Zarr (intake's V1 DataSource).

They run in a user's server, below no web framework. What they open lies below the shared folders that
`REGIONAL_HUB_SHARED` names, or at an absolute path that the user may read anyway.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from intake.source.base import DataSource, Schema

from regional_hub.sdg import frames

# intake 2.0.9 says so of every parameter with a text for a default, whether it holds a command or not.
warnings.filterwarnings("ignore", message="Shell command not executed due to getshell=False", category=UserWarning)

Choice = Mapping[str, str | Sequence[str]]


def shared_folders() -> list[Path]:
    """The shared folders, from `REGIONAL_HUB_SHARED` (several are separated as in PATH)."""
    return [Path(part) for part in os.environ.get("REGIONAL_HUB_SHARED", "").split(os.pathsep) if part]


def resolve(urlpath: str) -> list[Path]:
    """Files or folders that a path or glob names, sorted; relative ones stand below a shared folder and stay there.

    Raises FileNotFoundError where nothing is there and PermissionError where it may not be read, naming the path.
    """
    if not urlpath:
        raise FileNotFoundError('no path given: say which file to open, e.g. path="kyrgyzstan/data/1.1.1.xml"')
    if "://" in urlpath:
        raise ValueError(
            f"{urlpath}: an address cannot be opened here, only a file below the shared folder or your home"
        )
    found = sorted(_candidates(urlpath))
    if not found:
        places = os.pathsep.join(map(str, shared_folders())) or "(REGIONAL_HUB_SHARED is not set)"
        raise FileNotFoundError(f"{urlpath}: nothing is there; relative paths start at the shared folder {places}")
    for path in found:
        if not os.access(path, os.R_OK):
            raise PermissionError(f"{path}: is there, but you may not read it")
    return found


def _candidates(urlpath: str) -> set[Path]:
    path = Path(urlpath)
    if path.is_absolute():
        return set(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if ".." in path.parts:
        raise PermissionError(f"{urlpath}: leads out of the shared folder; give an absolute path instead")
    return {found for folder in shared_folders() for found in folder.absolute().glob(urlpath)}


class SdmxFileSource(DataSource):
    """SDMX-ML 2.1 and SDMX-CSV data files as one table of observations; a partition is a file.

    `where` chooses codes by component, e.g. {"REF_AREA": "KG"}; several are joined by `+` or listed, `*` is all.
    """

    name = "sdmx_file"
    version = "1.0"
    container = "dataframe"
    partition_access = True

    def __init__(
        self,
        urlpath: str,
        where: Choice | None = None,
        numeric: bool | str = True,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(metadata=metadata)
        self.urlpath = urlpath
        self.numeric = str(numeric).lower() != "false"  # a catalog's template gives text
        self.where = frames.condition(where)

    @cached_property
    def files(self) -> list[Path]:
        found = [path for path in resolve(self.urlpath) if path.is_file()]
        if not found:
            raise FileNotFoundError(
                f"{self.urlpath}: is a folder; name files in it, e.g. {self.urlpath.rstrip('/')}/*.xml"
            )
        return found

    @cached_property
    def survey(self) -> frames.Survey:
        return frames.survey(self.files, self.where)

    def _get_schema(self) -> Schema:
        survey = self.survey
        return Schema(
            dtype=dict(self._meta().dtypes.astype(str)),
            shape=(None if self.where else survey.observations, len(survey.components)),
            npartitions=len(self.files),
            extra_metadata={"structures": survey.structures, "layouts": survey.layouts},
        )

    def _meta(self) -> Any:
        return frames.to_frame([], self.survey.components, self.urlpath, self.numeric)

    def _get_partition(self, i: int) -> Any:
        return frames.frame(self.files[i], self.survey.components, self.where, self.numeric)

    def read(self) -> Any:
        """All observations as a pandas DataFrame."""
        import pandas as pd

        self._load_metadata()
        return pd.concat([self._get_partition(i) for i in range(len(self.files))], ignore_index=True)

    def to_dask(self) -> Any:
        """All observations as a Dask DataFrame with a partition per file; workers read the files themselves."""
        import dask.dataframe as dd

        self._load_metadata()
        arguments = {"components": self.survey.components, "where": self.where, "numeric": self.numeric}
        return dd.from_map(frames.frame, self.files, meta=self._meta(), enforce_metadata=False, **arguments)

    def _close(self) -> None:
        self.__dict__.pop("survey", None)
        self.__dict__.pop("files", None)
        self._schema = None


class ParquetSource(DataSource):
    """A table in one or many Parquet files; `where` chooses codes by column, `columns` the columns."""

    name = "shared_parquet"
    version = "1.0"
    container = "dataframe"
    partition_access = True

    def __init__(
        self,
        urlpath: str,
        where: Choice | None = None,
        columns: Sequence[str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(metadata=metadata)
        self.urlpath = urlpath
        self.columns = list(columns or []) or None
        self.where = frames.condition(where)

    @cached_property
    def files(self) -> list[Path]:
        return resolve(self.urlpath)

    @cached_property
    def _dataset(self) -> Any:
        import pyarrow.dataset

        dataset = pyarrow.dataset.dataset([str(path) for path in self.files], format="parquet")
        for column in (*self.where, *(self.columns or [])):
            if column not in dataset.schema.names:
                raise ValueError(f"no column {column!r} in the table; there are {', '.join(dataset.schema.names)}")
        if self.where and not dataset.head(1, filter=self._expression(), columns=list(self.where)).num_rows:
            asked = ", ".join(f"{column} {'+'.join(sorted(codes))}" for column, codes in self.where.items())
            raise ValueError(f"no row of the table has {asked}")
        return dataset

    def _expression(self) -> Any:
        import pyarrow.parquet

        return pyarrow.parquet.filters_to_expression(self._filters())

    def _filters(self) -> list[tuple[str, str, list[str]]] | None:
        return [(column, "in", sorted(codes)) for column, codes in self.where.items()] or None

    def _get_schema(self) -> Schema:
        schema = self._dataset.schema
        names = self.columns or schema.names
        return Schema(
            dtype={name: str(schema.field(name).type) for name in names},
            shape=(None if self.where else self._dataset.count_rows(), len(names)),
            npartitions=len(self.files),
            extra_metadata={},
        )

    def _get_partition(self, i: int) -> Any:
        import pandas as pd

        return pd.read_parquet(self.files[i], columns=self.columns, filters=self._filters())

    def read(self) -> Any:
        """The table as a pandas DataFrame. All of it is held in memory: choose rows and columns, or use `to_dask`."""
        import pandas as pd

        self._load_metadata()
        return pd.read_parquet(list(self.files), columns=self.columns, filters=self._filters())

    def to_dask(self) -> Any:
        """The table as a Dask DataFrame with a partition per file."""
        import dask.dataframe as dd

        self._load_metadata()
        return dd.read_parquet([str(path) for path in self.files], columns=self.columns, filters=self._filters())

    def _close(self) -> None:
        self.__dict__.pop("files", None)
        self.__dict__.pop("_dataset", None)
        self._schema = None


class ZarrSource(DataSource):
    """A Zarr cube as an xarray Dataset; `select` gives the first and last label by dimension, both included."""

    name = "shared_zarr"
    version = "1.0"
    container = "xarray"
    partition_access = False

    def __init__(
        self,
        urlpath: str,
        select: Mapping[str, Sequence[Any]] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(metadata=metadata)
        self.urlpath = urlpath
        self.select = dict(select or {})

    def _open(self, chunks: dict[str, int] | None) -> Any:
        import xarray

        (path, *others) = resolve(self.urlpath)
        if others:
            raise ValueError(f"{self.urlpath}: names {len(others) + 1} cubes; a Zarr entry opens one")
        cube = xarray.open_zarr(path, chunks=chunks, consolidated=False)
        for dimension in self.select:
            if dimension not in cube.dims:
                raise ValueError(f"no dimension {dimension!r} in the cube; there are {', '.join(map(str, cube.dims))}")
        return cube.sel({dimension: slice(*ends) for dimension, ends in self.select.items()})

    def _get_schema(self) -> Schema:
        cube = self._open(None)
        return Schema(
            dtype={str(name): str(array.dtype) for name, array in cube.data_vars.items()},
            shape=dict(cube.sizes),
            npartitions=1,
            extra_metadata={},
        )

    def _get_partition(self, i: int) -> Any:
        return self.read()

    def read(self) -> Any:
        """The cube, loaded into memory."""
        return self._open(None).load()

    def to_dask(self) -> Any:
        """The cube with a Dask array behind each variable, in the chunks that the file has."""
        return self._open({})

    def _close(self) -> None:
        self._schema = None
