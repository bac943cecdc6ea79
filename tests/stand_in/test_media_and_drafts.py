"""Pictures by their bytes in three spaces of ids; drafts with every limit they have."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from local.stand_in.official.body import first_words, kept
from local.stand_in.official.media import BODY_BYTES, IMAGE_BYTES, THUMB_BYTES
from tests.stand_in.official import JPG, PNG, add_draft, article, cover, upload, wechatpy
from tests.stand_in.outsiders import MINI, SERVICE, SUBSCRIPTION, WECHAT, Admin, Json

BODY, PERMANENT, TEMPORARY = "/cgi-bin/media/uploadimg", "/cgi-bin/material/add_material", "/cgi-bin/media/upload"
OURS = "https://mmbiz.qpic.cn/sz_mmbiz_png/x/0"


def _add(admin: Admin, *articles: Any, app: tuple[str, str] = SERVICE) -> Json:
    body = {"articles": list(articles)}
    return admin.call(WECHAT, "/cgi-bin/draft/add", body, access_token=admin.token(app))


def _get(admin: Admin, media_id: str) -> Json:
    return admin.call(WECHAT, "/cgi-bin/draft/get", {"media_id": media_id}, access_token=admin.token())


def test_a_picture_for_a_body_is_known_by_its_bytes_and_small(admin: Admin) -> None:
    assert upload(admin, BODY, JPG)["url"].startswith("https://mmbiz.qpic.cn/")
    assert upload(admin, BODY, b"GIF89a")["errcode"] == 40005
    assert upload(admin, BODY, PNG + bytes(BODY_BYTES - len(PNG)))["errcode"] == 40009
    assert "url" in upload(admin, BODY, PNG + bytes(BODY_BYTES - len(PNG) - 1))


def test_the_field_is_media_and_must_be_a_file_with_content(admin: Admin) -> None:
    assert upload(admin, BODY, JPG, field="image")["errcode"] == 41005
    assert upload(admin, BODY, b"")["errcode"] == 44001
    token = admin.token()
    assert admin.call(WECHAT, BODY, {"media": "x"}, access_token=token)["errcode"] == 41005
    cut_off = b'--cut\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n\r\n' + JPG
    kind = "multipart/form-data; boundary=cut"
    assert admin.call(WECHAT, BODY, cut_off, content_type=kind, access_token=token)["errcode"] == 41005


@pytest.mark.parametrize(
    ("kind", "content", "errcode"),
    [
        ("image", PNG + bytes(IMAGE_BYTES), 40009),
        ("image", b"%PDF", 40005),
        ("thumb", PNG, 40005),
        ("thumb", JPG + bytes(THUMB_BYTES), 40009),
        ("voice", JPG, 40004),
    ],
)
def test_material_of_a_wrong_kind_or_size(admin: Admin, kind: str, content: bytes, errcode: int) -> None:
    assert upload(admin, PERMANENT, content, type=kind)["errcode"] == errcode
    assert upload(admin, TEMPORARY, content, type=kind)["errcode"] == errcode


def test_a_cover_must_be_permanent_and_of_the_same_account(admin: Admin) -> None:
    permanent = upload(admin, PERMANENT, JPG, type="thumb")["media_id"]
    temporary = upload(admin, TEMPORARY, JPG, type="image")
    thumb = upload(admin, TEMPORARY, JPG, type="thumb")

    assert temporary["type"] == "image"
    assert "media_id" in _add(admin, article(permanent))
    for wrong in (temporary["media_id"], thumb["thumb_media_id"], cover(admin, SUBSCRIPTION), "", None):
        assert _add(admin, article(wrong))["errcode"] == 40007


def test_one_to_eight_articles(admin: Admin) -> None:
    one = article(cover(admin))

    assert _add(admin)["errcode"] == 44003
    assert "media_id" in _add(admin, *[one] * 8)
    assert _add(admin, *[one] * 9)["errcode"] == 45008


@pytest.mark.parametrize(
    ("field", "most", "errcode"), [("title", 32, 45003), ("author", 16, 45110), ("digest", 128, 45004)]
)
def test_lengths_count_characters(admin: Admin, field: str, most: int, errcode: int) -> None:
    thumb = cover(admin)

    assert "media_id" in _add(admin, article(thumb, **{field: "字" * most}))
    assert _add(admin, article(thumb, **{field: "字" * (most + 1)}))["errcode"] == errcode


def test_a_body_is_there_and_below_twenty_thousand_characters(admin: Admin) -> None:
    thumb = cover(admin)

    assert _add(admin, article(thumb, content=""))["errcode"] == 44004
    assert "media_id" in _add(admin, article(thumb, content="字" * 19_999))
    assert _add(admin, article(thumb, content="字" * 20_000))["errcode"] == 45002
    assert _add(admin, article(thumb, title=""))["errcode"] == 40097
    assert _add(admin, "no article")["errcode"] == 40097


@pytest.mark.parametrize(
    ("html", "stays"),
    [
        (f'<p>甲<img src="{OURS}"></p>', f'<p>甲<img src="{OURS}"></p>'),
        (f'<img data-src="{OURS}"/>', f'<img data-src="{OURS}"/>'),
        ('<p>甲<img src="https://example.com/a.png">乙</p>', "<p>甲乙</p>"),
        ('<img src="https://mmbiz.qpic.cn.example.com/a.png"/>', ""),
        ("<img>", ""),
        ("<p>甲</p><script>alert(1)</script>&amp;&#65;", "<p>甲</p>&amp;&#65;"),
        ('<p onclick="x()" class="c">甲</p>', '<p class="c">甲</p>'),
        ('<a href="javascript:x()">甲</a>', '<a href="">甲</a>'),
    ],
)
def test_a_body_loses_scripts_and_pictures_from_elsewhere(html: str, stays: str) -> None:
    assert kept(html) == stays


def test_a_draft_is_kept_as_wechat_would_keep_it(admin: Admin) -> None:
    thumb = cover(admin)
    html = f"<p>{'字' * 60}</p><img src='https://example.com/a.png'>"
    alone = _get(admin, _add(admin, article(thumb, content=html))["media_id"])["news_item"]
    two = _get(admin, _add(admin, article(thumb), article(thumb, digest="摘要"))["media_id"])["news_item"]

    assert alone[0]["content"] == f"<p>{'字' * 60}</p>"
    assert alone[0]["digest"] == first_words(html) == "字" * 54
    assert [one["digest"] for one in two] == ["", ""]
    assert _get(admin, "nothing")["errcode"] == 40007


def test_drafts_are_counted_and_deleted_by_account(admin: Admin) -> None:
    media_id = add_draft(admin)
    counts = [
        admin.call(WECHAT, "/cgi-bin/draft/count", access_token=admin.token(app)) for app in (SERVICE, SUBSCRIPTION)
    ]
    assert counts == [{"total_count": 1}, {"total_count": 0}]

    token = admin.token(SUBSCRIPTION)
    assert admin.call(WECHAT, "/cgi-bin/draft/delete", {"media_id": media_id}, access_token=token)["errcode"] == 40007
    token = admin.token()
    assert admin.call(WECHAT, "/cgi-bin/draft/delete", {"media_id": media_id}, access_token=token)["errcode"] == 0
    assert admin.call(WECHAT, "/cgi-bin/draft/count", access_token=token) == {"total_count": 0}


def test_a_mini_program_has_no_drafts_and_a_body_must_be_json(admin: Admin) -> None:
    assert _add(admin, app=MINI)["errcode"] == 48001
    token = admin.token()
    for body in (b"{", b"[]"):
        assert admin.call(WECHAT, "/cgi-bin/draft/add", body, access_token=token)["errcode"] == 47001


def test_wechatpy_uploads_and_writes_a_draft(admin: Admin) -> None:
    client = wechatpy(admin)
    address = client.media.upload_image(BytesIO(JPG))
    thumb = client.material.add("image", BytesIO(PNG))["media_id"]
    temporary = client.media.upload("image", BytesIO(PNG))["media_id"]
    media_id = client.draft.add([article(thumb, content=f'<img src="{address}">')])["media_id"]

    assert client.draft.get(media_id)["news_item"][0]["content"] == f'<img src="{address}">'
    assert client.draft.count()["total_count"] == 1
    with pytest.raises(WeChatClientException) as refused:
        client.draft.add([article(temporary)])
    assert refused.value.errcode == 40007
