"""How Chinese vendors say what is wrong: patterns beside the English ones of `error_codes`.

They are looked for in simplified characters; `SIMPLIFIED` makes them of those that Taiwan and
Hong Kong write.
"""

from __future__ import annotations

SIMPLIFIED = str.maketrans(
    "達餘額儲賬帳戶請頻過於訂閱購買開資無費週時間復後試數權鑰號載務負據貴內態統繁輸詢禮並發觸滿續僅鐘從員會",
    "达余额充账账户请频过于订阅购买开资无费周时间复后试数权钥号载务负据贵内态统繁输询礼并发触满续仅钟从员会",
)
# What may stand between two words of one clause.
_GAP = "[^，。]"
_AMOUNT = "(?:额度|限额|配额|用量|流量|次数|token ?数?|tokens)"
BILLING = (
    "余额已?(?:不足|用尽|耗尽|为零)|欠费|请(?:及时|先|尽快)?充值|无可用资源包|账户已透支"
    "|(?:套餐|订阅|会员|资源包)(?:已|已经)?(?:过期|到期|失效)"
    f"|未(?:订阅|购买|开通){_GAP}{{0,8}}(?:套餐|服务|会员)"
)
EXHAUSTED = (
    f"{_AMOUNT}{_GAP}{{0,6}}(?:已|已经)?(?:用尽|用完|耗尽|不足|超限|超出|达到?上限|满)"
    f"|(?:达到|超[出过]|触[发及]){_GAP}{{0,24}}(?:使用|用量|额度|限额|配额|次数)"
    f"|(?:额度|限额|配额)(?:将|会)?{_GAP}{{0,24}}(?:重置|恢复|刷新)"
)
BRIEF = "过于频繁|太频繁|频率|速率|并发|限流|每(?:分钟|秒)|请求数?过多|请求太多|调用过快|访问过快"
BUSY = f"(?:系统|服务器?|模型|当前|平台|引擎){_GAP}{{0,10}}(?:繁忙|过载|负载|访问量过大|拥挤|容量)"
# A window of a day or more.
LONG = f"[每当本今][日天周月]{_GAP}{{0,12}}(?:限|额|次数|上限)"
CLOSED = (
    "账[户号](?:已|被)*(?:封禁|停用|禁用|锁定|冻结|注销)|令牌状态不可用|无效的令牌"
    "|(?:令牌|密钥|api ?key) ?(?:已|被)*(?:失效|禁用|停用|吊销|删除|封禁)"
)
TOO_LONG = (
    f"(?:上下文|输入|请求|提示词|消息){_GAP}{{0,6}}(?:过长|超长|太长|过大)"
    f"|超[过出]{_GAP}{{0,8}}上下文"
)
