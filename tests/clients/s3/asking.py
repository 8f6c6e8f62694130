"""What the checks of objects share: clients, refusals, and lines that say what held."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client(url, access_key, secret, region="local", **options):
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **options)
    return boto3.client(
        "s3",
        endpoint_url=url + "/s3",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        region_name=region,
        config=config,
    )


def refused(status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        return error.response["Error"]["Code"]
    raise AssertionError(f"{call} {arguments} was let in")


def check(what, held):
    assert held, what
    print(what)
