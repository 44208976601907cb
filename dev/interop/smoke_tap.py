"""A tap on Meltano's SDK: animals with a key and a bookmark, sightings without either."""

from decimal import Decimal

from singer_sdk import Stream, Tap
from singer_sdk import typing as th


class Animals(Stream):
    name = "animals"
    primary_keys = ("kind", "id")
    replication_key = "changed_at"
    is_sorted = True
    schema = th.PropertiesList(
        th.Property("kind", th.StringType, required=True),
        th.Property("id", th.IntegerType, required=True),
        th.Property("weight", th.NumberType),
        th.Property("name", th.StringType),
        th.Property("parents", th.ArrayType(th.IntegerType)),
        th.Property("changed_at", th.DateTimeType, required=True),
    ).to_dict()

    def get_records(self, context):
        since = self.get_starting_timestamp(context)
        for n in range(self.config["rows"]):
            at = f"2026-01-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"
            if since is None or at >= since.strftime("%Y-%m-%dT%H:%M:%SZ"):
                yield {
                    "kind": "cat" if n % 2 else "dog",
                    "id": n,
                    "weight": Decimal("1.10") * n,
                    "name": f"Zoë \"{n}\" \U0001f408\n",
                    "parents": [n // 2, n // 3],
                    "changed_at": at,
                }


class Sightings(Stream):
    name = "Sightings"
    schema = th.PropertiesList(
        th.Property("place", th.StringType),
        th.Property("animal", th.IntegerType),
    ).to_dict()

    def get_records(self, context):
        for n in range(self.config["rows"]):
            yield {"place": "pond", "animal": n}


class SmokeTap(Tap):
    name = "tap-smoke"
    config_jsonschema = th.PropertiesList(th.Property("rows", th.IntegerType)).to_dict()

    def discover_streams(self):
        return [Animals(self), Sightings(self)]


if __name__ == "__main__":
    SmokeTap.cli()
