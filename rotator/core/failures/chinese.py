"""How Chinese vendors say what is wrong: patterns beside the English ones of `error_codes`.

They are looked for in simplified characters; `SIMPLIFIED` makes them of those that Taiwan and
Hong Kong write.
"""

from __future__ import annotations

SIMPLIFIED = str.maketrans(
    "達餘額儲賬帳戶請頻過於訂閱購買開資無費週時間復後試數權鑰號載務負據貴內態統繁輸詢禮並發觸滿續僅鐘從員會沒鎖凍結錯誤確刪銷計劃違規暫盡個這",
    "达余额充账账户请频过于订阅购买开资无费周时间复后试数权钥号载务负据贵内态统繁输询礼并发触满续仅钟从员会没锁冻结错误确删销计划违规暂尽个这",
)
# What may stand between two words of one clause.
_GAP = "[^，。]"
_AMOUNT = "(?:额度|限额|配额|用量|流量|次数|token ?数?|tokens)"
BILLING = (
    "余额已?(?:不足|用尽|耗尽|为零)|欠费|请(?:及时|先|尽快)?充值|账户已透支"
    "|[无没]有?(?:可用|有效)的?(?:资源包|套餐|订阅|会员)"
    "|(?:套餐|订阅|会员|资源包)(?:已|已经)?(?:过期|到期|失效)"
    f"|(?:未|没有?)有?(?:有效的?)?(?:订阅|购买|开通|激活|生效){_GAP}{{0,8}}(?:套餐|服务|会员|计划)"
)
EXHAUSTED = (
    f"{_AMOUNT}{_GAP}{{0,6}}(?:已|已经)?(?:用尽|用完|耗尽|不足|超限|超出|达到?上限|满)"
    f"|100 ?[%\uff05]{_GAP}{{0,10}}{_AMOUNT}|{_AMOUNT}{_GAP}{{0,8}}100 ?[%\uff05]"
    f"|(?:达到|超[出过]|触[发及]){_GAP}{{0,24}}(?:使用|用量|额度|限额|配额|次数)"
    f"|(?:额度|限额|配额)(?:将|会)?{_GAP}{{0,24}}(?:重置|恢复|刷新)"
)
# Requests and tokens a minute, an hour and a day: RPD 限制.
_LETTERS = " ?(?:限|已|超|的|达|配额|\uff09)"
BRIEF = (
    "过于频繁|太频繁|频率|速率|并发|限流|每(?:分钟|秒)|请求数?过多|请求太多|调用过快|访问过快"
    f"|(?<![a-z])[rt]p[mhd]{_LETTERS}"
)
BUSY = f"(?:系统|服务器?|模型|当前|平台|引擎){_GAP}{{0,10}}(?:繁忙|过载|负载|访问量过大|拥挤|容量)"
# A window of a day or more.
MINUTE = f"(?<![a-z])[rt]pm{_LETTERS}"
LONG = f"(?<![a-z])[rt]pd{_LETTERS}|[每当本今][日天周月]{_GAP}{{0,12}}(?:限|额|次数|上限)"
# Not what only threatens: 可能会被封禁.
_SHUT = "封禁|封停|封号|停用|禁用|锁定|冻结|注销|拉黑|限制使用"
_KEY = "(?:令牌|密钥|api ?-?key|api ?密钥)"
# What of an account may be disabled without the account: 您的账户的联网搜索功能已被禁用.
_PART = (
    "功能|模型|权限|工具|插件|搜索|联网|上传|接口|类型|设置|选项|能力|消息|提示词|请求"
    "|(?<!违规)(?<!敏感)(?<!不良)内容|输入|服务(?!条款|协议|规|政|器)"
)
CLOSED = (
    "(?<![对在为])(?<![对在为][该此本])(?<![对在为][您你]的)(?<![对在为]当前)(?:[账帐][户号]|用户)"
    f"(?:(?!将|可能|会被|{_PART})[^。：:]){{0,24}}?(?:[已被]{_GAP}{{0,6}}(?:{_SHUT})|封禁中)"
    "|令牌状态不可用"
    f"|(?:无效|错误|不存在|不正确)的? ?{_KEY}(?![a-z])"
    f"|{_KEY} ?(?:为)?(?:无效|错误|有误|不正确|不存在|不合法|非法)"
    f"|{_KEY} ?(?:无效或)?(?:已|被|经)*(?:失效|过期|禁用|停用|吊销|删除|封禁)"
)
TOO_LONG = (
    f"(?:上下文|输入|请求|提示词|消息){_GAP}{{0,6}}(?:过长|超长|太长|过大)"
    f"|超[过出]{_GAP}{{0,8}}上下文"
)
